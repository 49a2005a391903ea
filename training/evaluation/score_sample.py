"""Scores of user-item pairs of a part, drawn so that they weigh what all pairs would."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kg.errors import InputError
from kg.graph import BoolArray
from kg.vocab import IntArray
from training.baselines.base import Scorer
from training.evaluation.blocks import score_blocks
from training.evaluation.metrics import FloatArray, mid_ranks
from training.evaluation.split import HeldOut, Split

Scores = npt.NDArray[np.floating]


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoreSample:
    """Some pairs of users and candidates; their weights sum to the number of all pairs.

    Attributes:
        scores: float64 `[num_pairs]`.
        owner: which user, counted from 0, ascending; int64 `[num_pairs]`.
        positive: whether the pair was held out, bool `[num_pairs]`.
        weights: how many pairs each stands for, float64 `[num_pairs]`.
        ranks: of each pair among all candidates of its user, ties at the middle, from 1; float64
            `[num_pairs]`.
        num_users: how many users were drawn.
    """

    scores: FloatArray
    owner: IntArray
    positive: BoolArray
    weights: FloatArray
    ranks: FloatArray
    num_users: int


def sample_scores(
    scorer: Scorer,
    split: Split,
    part: str,
    *,
    rng: np.random.Generator,
    max_users: int = 2_000,
    best: int = 100,
    others: int = 200,
    block_bytes: int = 268_435_456,
) -> ScoreSample:
    """Score the candidates of users of a part and keep few pairs of each.

    Kept with weight 1 are all held-out pairs and each user's `best` candidates, because a
    threshold decides among those. Of the rest about `others` are drawn, and share its weight.
    Pairs that are not ranked (training interactions) are left out, as in `evaluate`.

    Args:
        scorer: floor or model.
        split: what was held out.
        part: `valid` or `test`.
        rng: of the draws.
        max_users: of more users so many are drawn.
        best: candidates of each user that are kept.
        others: draws among the others of each user.
        block_bytes: bound on scores and their temporaries held at once.

    Raises:
        InputError: the part is empty, or a score is NaN.
    """
    held_out: HeldOut = getattr(split, part)
    users = np.unique(held_out.users)
    if not len(users):
        raise InputError(f"the {part} part of the {split.protocol} split is empty")
    if len(users) > max_users:
        users = np.sort(rng.choice(users, size=max_users, replace=False))
    mine = np.isin(held_out.users, users)
    rows = np.searchsorted(users, held_out.users[mine])
    columns = np.searchsorted(held_out.candidates, held_out.items[mine])
    found: list[tuple[FloatArray, IntArray, BoolArray, FloatArray, FloatArray]] = []
    for block in score_blocks(scorer, split, users, held_out.candidates, block_bytes=block_bytes):
        inside = slice(*np.searchsorted(rows, [block.first, block.last]))
        positive = np.zeros(block.negated.shape, dtype=np.bool_)
        positive[rows[inside] - block.first, columns[inside]] = True
        row, column, weights = _draw(block.negated, positive, best, others, rng)
        negated = block.negated[row, column]
        ranks = mid_ranks(np.sort(block.negated, axis=1), negated, row)
        pairs = (-negated.astype(np.float64), row + block.first, positive[row, column])
        found.append((*pairs, weights, ranks))
    return ScoreSample(
        scores=np.concatenate([pairs[0] for pairs in found]),
        owner=np.concatenate([pairs[1] for pairs in found]),
        positive=np.concatenate([pairs[2] for pairs in found]),
        weights=np.concatenate([pairs[3] for pairs in found]),
        ranks=np.concatenate([pairs[4] for pairs in found]),
        num_users=len(users),
    )


def _draw(
    negated: Scores, positive: BoolArray, best: int, others: int, rng: np.random.Generator
) -> tuple[IntArray, IntArray, FloatArray]:
    """Return rows, columns and weights of the pairs that are kept."""
    ranked = ~np.isnan(negated)
    num_users, num_candidates = negated.shape
    kept = positive & ranked
    if num_candidates <= best + others:
        kept = ranked
    else:
        top = np.argpartition(negated, best, axis=1)[:, :best]
        np.put_along_axis(kept, top, True, axis=1)
        kept &= ranked
    row, column = np.nonzero(kept)
    weights = np.ones(len(row))
    drawn = rng.integers(num_candidates, size=(num_users, others))
    rest = ranked & ~kept
    useful = np.take_along_axis(rest, drawn, axis=1)
    counts = useful.sum(axis=1)
    share = rest.sum(axis=1) / np.maximum(counts, 1)
    more_row, place = np.nonzero(useful)
    row = np.concatenate([row, more_row])
    column = np.concatenate([column, drawn[more_row, place]])
    weights = np.concatenate([weights, share[more_row]])
    order = np.argsort(row, kind="stable")
    return row[order], column[order], weights[order]
