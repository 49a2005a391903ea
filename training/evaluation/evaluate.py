"""Scorer and split to per-user metrics, in blocks of users."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from kg.errors import InputError
from kg.vocab import IntArray
from training.baselines.base import Scorer
from training.evaluation.blocks import score_blocks
from training.evaluation.metrics import (
    FloatArray,
    Relevant,
    coverage,
    diversity,
    list_metrics,
    row_metrics,
    sampled_ranks,
)
from training.evaluation.popularity import BUCKETS, popularity_buckets
from training.evaluation.split import HeldOut, Split
from training.evaluation.unsorted import best_columns, full_ranks

Part = Literal["valid", "test"]

# of each sampled negative: int64 column and gather index (16), float32 score (4), masks (4)
BYTES_PER_NEGATIVE = 24


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """What one scorer achieves on one part of a split; means are taken later, with intervals.

    Attributes:
        name: of the scorer.
        protocol: of the split.
        sources: of the split.
        target: of the split.
        part: `valid` or `test`.
        ks: cutoffs.
        num_candidates: items that were ranked.
        num_negatives: of the sampled metrics.
        negatives: hex state of the generator they were drawn with; equal if the draws are.
        users: rows of the users, sorted, int64 `[num_users]`.
        num_rows: held-out interactions of each user, int64 `[num_users]`.
        target_history: training interactions of each user in the target, int64 `[num_users]`.
        source_history: training interactions of each user in the sources, int64 `[num_users]`.
        ranks: full rank of every held-out row, float64 `[num_rows]`, in the order of the part.
        full: metric name -> value of each user among all candidates, float64 `[num_users]`.
        buckets: head, middle and tail items (`training.evaluation.popularity`) -> the same metrics
            where only held-out items of the bucket are relevant, NaN for users without any; a
            bucket that holds all of them is left out.
        sampled: metric name -> mean over each user's rows, float64 `[num_users]`; the mean over
            rows is their mean weighted by `num_rows`.
        top: rows of the best items, best first, -1 where there are fewer; int64
            `[num_users, max(ks)]`.
        coverage: k -> share of candidates in any top-k list.
        diversity: k -> mean pairwise 1 - cosine within top-k lists; empty without item features.
    """

    name: str
    protocol: str
    sources: tuple[str, ...]
    target: str
    part: Part
    ks: tuple[int, ...]
    num_candidates: int
    num_negatives: int
    negatives: str
    users: IntArray
    num_rows: IntArray
    target_history: IntArray
    source_history: IntArray
    ranks: FloatArray
    full: Mapping[str, FloatArray]
    buckets: Mapping[str, Mapping[str, FloatArray]]
    sampled: Mapping[str, FloatArray]
    top: IntArray
    coverage: Mapping[int, float]
    diversity: Mapping[int, float]

    def mean(self, metric: str) -> float:
        """Return the mean over users of a full-ranking metric, e.g. `NDCG@10`."""
        return float(self.full[metric].mean())

    def sampled_mean(self, metric: str) -> float:
        """Return the mean over held-out rows of a sampled metric, e.g. `MRR`."""
        return float(np.average(self.sampled[metric], weights=self.num_rows))


def evaluate(
    scorer: Scorer,
    split: Split,
    part: Part,
    *,
    k: Sequence[int] = (10, 20),
    sampled_negatives: int = 999,
    block_bytes: int = 268_435_456,
    rng: np.random.Generator,
    item_features: npt.NDArray[np.floating] | None = None,
) -> Evaluation:
    """Rank every candidate for every user of a part, and each positive among sampled negatives.

    Full ranking: all candidates but the user's own training items; metrics are means over users.
    Sampled: each held-out row against negatives drawn uniformly with replacement from the
    candidates, so that a negative may be the positive itself (a tie) or another positive; a
    negative that is a training item of the user counts as ranked below. Means over rows. Among few
    candidates the positive recurs so often that even a perfect scorer stays well below 1.

    Args:
        scorer: floor or model; called once per block of users with all candidates.
        split: what was held out.
        part: `valid` or `test`.
        k: cutoffs.
        sampled_negatives: how many per row; 0 leaves the sampled metrics out.
        block_bytes: bound on scores and their temporaries held at once.
        rng: of the negatives. It is copied, not advanced: one generator given to every scorer
            gives each the same negatives, whatever the block size.
        item_features: L2-normalised, `[num_items, dim]`, for diversity.

    Raises:
        InputError: a score is NaN, or the scores have the wrong shape.
    """
    held_out: HeldOut = getattr(split, part)
    ks = tuple(sorted(set(k)))
    if not ks or ks[0] < 1:
        raise InputError(f"cutoffs k must be 1 or more, got {tuple(k)}")
    if not len(held_out):
        raise InputError(f"the {part} part of the {split.protocol} split is empty")
    rng = copy.deepcopy(rng)
    state = repr(rng.bit_generator.state)
    users, owner, num_rows = np.unique(held_out.users, return_inverse=True, return_counts=True)
    columns = np.searchsorted(held_out.candidates, held_out.items)
    starts = np.concatenate([[0], np.cumsum(num_rows)])
    ranks = np.empty(len(held_out))
    negative_ranks = np.empty(len(held_out) if sampled_negatives else 0)
    top = np.full((len(users), ks[-1]), -1, dtype=np.int64)
    blocks = score_blocks(scorer, split, users, held_out.candidates, block_bytes=block_bytes)
    for block in blocks:
        rows, negated = slice(starts[block.first], starts[block.last]), block.negated
        user = owner[rows] - block.first
        positives = negated[user, columns[rows]]
        if sampled_negatives:
            negative_ranks[rows] = _rank_among_negatives(
                negated, positives, user, sampled_negatives, rng, block_bytes
            )
        ranks[rows] = full_ranks(negated, positives, user)
        best = best_columns(negated, ks[-1])
        best = np.where(best < 0, -1, held_out.candidates[best])
        top[block.first : block.last, : best.shape[1]] = best
    by_row = row_metrics(negative_ranks, ks) if sampled_negatives else {}
    target_history, source_history = _histories(split, users)
    return Evaluation(
        name=scorer.name,
        protocol=split.protocol,
        sources=split.sources,
        target=split.target,
        part=part,
        ks=ks,
        num_candidates=len(held_out.candidates),
        num_negatives=sampled_negatives,
        negatives=state,
        users=users,
        num_rows=num_rows,
        target_history=target_history,
        source_history=source_history,
        ranks=ranks,
        full=list_metrics(Relevant.of(ranks, owner), ks),
        buckets=_by_popularity(split, held_out.items, ranks, owner, ks),
        sampled={name: np.bincount(owner, value) / num_rows for name, value in by_row.items()},
        top=top,
        coverage={cut: coverage(top[:, :cut], len(held_out.candidates)) for cut in ks},
        diversity={}
        if item_features is None
        else {cut: diversity(top[:, :cut], item_features) for cut in ks if cut > 1},
    )


def _rank_among_negatives(
    negated: npt.NDArray[np.floating],
    positives: npt.NDArray[np.floating],
    block: IntArray,
    num_negatives: int,
    rng: np.random.Generator,
    block_bytes: int,
) -> FloatArray:
    ranks = np.empty(len(block))
    # a quarter, because the scores are held at the same time
    size = max(1, block_bytes // (4 * num_negatives * BYTES_PER_NEGATIVE))
    for start in range(0, len(block), size):
        rows = slice(start, start + size)
        drawn = rng.integers(negated.shape[1], size=(len(block[rows]), num_negatives))
        drawn += block[rows][:, None] * negated.shape[1]
        # times -1 again: `sampled_ranks` takes scores, where higher is better
        ranks[rows] = sampled_ranks(-positives[rows], -np.take(negated, drawn))
    return ranks


def _by_popularity(
    split: Split, items: IntArray, ranks: FloatArray, owner: IntArray, ks: Sequence[int]
) -> dict[str, dict[str, FloatArray]]:
    of_row = popularity_buckets(split, items)
    found: dict[str, dict[str, FloatArray]] = {}
    for bucket, name in enumerate(BUCKETS):
        rows = of_row == bucket
        if not rows.any() or rows.all():
            continue
        there, within = np.unique(owner[rows], return_inverse=True)
        metrics = list_metrics(Relevant.of(ranks[rows], within), ks)
        found[name] = {metric: np.full(owner.max() + 1, np.nan) for metric in metrics}
        for metric, values in metrics.items():
            found[name][metric][there] = values
    return found


def _histories(split: Split, users: IntArray) -> tuple[IntArray, IntArray]:
    """Return how many training interactions users have in the target and in the sources."""
    edges, num_users = split.train.interaction_edges, len(split.train.users)

    def count(domains: tuple[str, ...]) -> IntArray:
        inside = split.train.item_mask(*domains)[edges.dst]
        return np.bincount(edges.src[inside], minlength=num_users)[users]

    return count((split.target,)), count(split.sources)
