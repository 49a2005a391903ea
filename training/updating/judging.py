"""How a model ranks interactions before it has learned of them: prequential evaluation."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from kg.graph import BoolArray
from kg.vocab import IntArray
from training.baselines.base import Scorer
from training.evaluation.evaluate import evaluate
from training.evaluation.metrics import Relevant
from training.evaluation.split import HeldOut, Split, without_interactions
from training.evaluation.statistics import bootstrap_means, percentiles
from training.evaluation.valid import VALID_USERS, fewer_users
from training.seed import rng

FloatArray = npt.NDArray[np.float64]
CUT = 10
RESAMPLES = 1_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranks:
    """Where interactions stand among candidates.

    Attributes:
        ranks: of each interaction among the candidates that its user has not used, 1 for the best,
            float64 `[num_rows]`.
        owner: whose it is, users counted from 0, int64 `[num_rows]`.
        candidates: how many are ranked.
    """

    ranks: FloatArray
    owner: IntArray
    candidates: int

    def ndcg(self, candidates: int) -> FloatArray:
        """Return NDCG@10 of each user, as if among so many candidates; `[num_users]`.

        Each interaction is asked for alone, `1 / log2(1 + rank)` for the first ten, so that it does
        not matter how many others a user has. Among `m` of `n` candidates drawn at random a rank
        `r` is `1 + (r - 1) (m - 1) / (n - 1)` in the mean.
        """
        share = (candidates - 1) / max(self.candidates - 1, 1)
        ranks = 1 + (self.ranks - 1) * min(share, 1.0)
        gains = np.where(ranks <= CUT, 1 / np.log2(1 + ranks), 0.0)
        return np.bincount(self.owner, gains) / np.bincount(self.owner)


def ranks_of(
    scorer: Scorer, split: Split, held_out: HeldOut, *, seed: int, block_bytes: int
) -> Ranks:
    """Return where a scorer puts interactions that `split.train` lacks.

    Args:
        scorer: model.
        split: what it knows.
        held_out: what it is asked for; of more than 2,000 users, so many are drawn.
        seed: of the draw.
        block_bytes: bound on scores and their temporaries held at once.
    """
    asked = fewer_users(replace(split, valid=held_out), VALID_USERS, seed)
    judged = evaluate(
        scorer,
        asked,
        "valid",
        k=(CUT,),
        sampled_negatives=0,
        block_bytes=block_bytes,
        rng=rng(seed, "update"),
    )
    owner = np.unique(asked.valid.users, return_inverse=True)[1]
    relevant = Relevant.of(judged.ranks, owner)
    alone = np.maximum(relevant.ranks - (relevant.position - 1), 1)
    return Ranks(ranks=alone, owner=relevant.owner, candidates=judged.num_candidates)


def without_new_targets(split: Split, new: BoolArray) -> tuple[Split, IntArray]:
    """Return a split before new interactions in its target enter, and those interactions.

    Args:
        split: of the larger graph.
        new: which of its training interactions are new, bool `[num_interactions]`.

    Returns:
        The split, and rows of users and of items, int64 `[2, num_pairs]`.
    """
    edges = split.train.interaction_edges
    late = new & split.train.item_mask(split.target)[edges.dst]
    earlier = replace(split, train=without_interactions(split.train, late))
    return earlier, np.stack([edges.src[late], edges.dst[late]])


def questions(split: Split, pairs: IntArray) -> HeldOut:
    """Return those of some interactions that are what the model of a protocol was trained for.

    Of `user-cold` those of users who have used something in the sources and nothing in the target,
    of `item-cold` those with items that nobody has used, among all of these, of `warm` those of
    users who know the target, with items that somebody has used.

    Args:
        split: before they enter.
        pairs: rows of users and of items, int64 `[2, num_pairs]`.
    """
    train = split.train
    edges, (users, items) = train.interaction_edges, pairs
    target = train.item_mask(split.target)
    used: BoolArray = np.zeros(len(train.items), dtype=np.bool_)
    used[edges.dst] = True
    knows: BoolArray = np.zeros(len(train.users), dtype=np.bool_)
    knows[edges.src[target[edges.dst]]] = True
    if split.protocol == "item-cold":
        free = target & ~used
        free[split.cold_items] = False  # those answer other questions
        kept = free[items]
    else:
        free = target & used
        known = knows[users]
        if split.protocol == "user-cold":
            known = train.user_mask(*split.sources)[users] & ~known
        kept = known & free[items]
    users, items = users[kept], items[kept]
    order = np.lexsort((items, users))
    return HeldOut(users=users[order], items=items[order], candidates=np.flatnonzero(free))


def compared(new: Ranks, valid: Ranks, seed: int) -> dict[str, Any]:
    """Return NDCG@10 of new interactions beside that of the valid part, for JSON.

    Both among as many candidates as the smaller of the two has; intervals are bootstrapped over
    users, of whom the two parts have different ones.
    """
    candidates = min(new.candidates, valid.candidates)
    draws, found, means = rng(seed, "update"), {}, {}
    for name, ranks in (("new", new), ("valid", valid)):
        values = ranks.ndcg(candidates)
        ones = np.ones(len(values))
        means[name] = bootstrap_means(values[:, None], ones, rng=draws, resamples=RESAMPLES)[:, 0]
        found[name] = {**_interval(means[name], values.mean()), "users": len(values)}
    apart = found["new"]["mean"] - found["valid"]["mean"]
    difference = _interval(means["new"] - means["valid"], apart)
    return {**found, "difference": difference, "rows": len(new.ranks), "candidates": candidates}


def _interval(means: FloatArray, mean: float) -> dict[str, float]:
    low, high = percentiles(means[:, None])
    return {"mean": float(mean), "low": float(low[0]), "high": float(high[0])}
