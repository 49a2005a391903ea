"""Ranking metrics on plain arrays; nothing here knows of models or graphs.

A rank is 1 for the best. Ties rank at the middle: `rank = 1 + #greater + #equal others / 2`, so a
rank may end in .5, and a scorer that gives everything the same score has the mean rank of chance,
`(num_candidates + 1) / 2`. A relevant item is a hit at k if its rank is at most k: 10 counts for
@10, 10.5 does not. Of several relevant items that tie, no more than k are hits at k.

The functions `*_at` take `Relevant`: the ranks of all relevant items, grouped by user.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import sparse

from kg.vocab import IntArray

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


def mid_ranks(
    ordered: npt.NDArray[np.floating], values: npt.NDArray[np.floating], rows: IntArray
) -> FloatArray:
    """Return the rank of scores among the scores of their user, ties at the middle.

    Args:
        ordered: negated scores of every candidate, each row ascending, NaN (not ranked) last;
            `[num_users, num_candidates]`.
        values: negated scores to rank, each of them also in its row of `ordered`; `[num_values]`.
        rows: row of `ordered` that each value belongs to, `[num_values]`.

    Returns:
        Ranks, float64 `[num_values]`.
    """
    greater = _count_below(ordered, values, rows, or_equal=False)
    not_less = _count_below(ordered, values, rows, or_equal=True)
    return np.asarray((greater + not_less + 1) / 2, dtype=np.float64)


def sampled_ranks(
    positives: npt.NDArray[np.floating], negatives: npt.NDArray[np.floating]
) -> FloatArray:
    """Return the rank of each positive among its own negatives, ties at the middle.

    Args:
        positives: scores `[num_rows]`.
        negatives: scores `[num_rows, num_negatives]`; NaN counts as lower than anything.
    """
    greater = count_true(negatives > positives[:, None])
    equal = count_true(negatives == positives[:, None])
    return np.asarray(1 + greater + equal / 2, dtype=np.float64)


def count_true(mask: BoolArray) -> IntArray:
    """Return how many are true in each row of `[num_rows, width]`.

    In bytes, which a processor adds by the dozen, and only then in integers.
    """
    num_rows, width = mask.shape
    part = max(512, -(-width // 255))  # 255 ones are the most that a byte can count
    whole = width - width % part
    counts: IntArray = mask[:, whole:].sum(axis=1, dtype=np.int64)
    if whole:
        bytes_ = mask[:, :whole].view(np.uint8).reshape(num_rows, whole // part, part)
        counts += bytes_.sum(axis=1, dtype=np.uint8).sum(axis=1, dtype=np.int64)
    return counts


@dataclass(frozen=True, eq=False)
class Relevant:
    """Ranks of the relevant items of each user.

    Attributes:
        ranks: float64 `[num_rows]`, ascending within a user.
        owner: which user each rank belongs to, ascending, int64 `[num_rows]`.
        counts: relevant items of each user, at least one, int64 `[num_users]`.
    """

    ranks: FloatArray
    owner: IntArray
    counts: IntArray

    @classmethod
    def of(cls, ranks: npt.ArrayLike, owner: npt.ArrayLike) -> "Relevant":
        """Sort and group ranks given in any order; `owner` numbers the users from 0."""
        rank_array = np.asarray(ranks, dtype=np.float64)
        owner_array = np.asarray(owner, dtype=np.int64)
        order = np.lexsort((rank_array, owner_array))
        return cls(rank_array[order], owner_array[order], np.bincount(owner_array))

    @cached_property
    def position(self) -> IntArray:
        """Place of each rank among its user's, from 1; `[num_rows]`."""
        first = np.cumsum(self.counts) - self.counts
        return np.arange(1, len(self.ranks) + 1) - first[self.owner]

    def hits(self, k: int) -> BoolArray:
        """Return which relevant items are among the first k; `[num_rows]`."""
        return np.asarray((self.ranks <= k) & (self.position <= k))

    def total(self, values: npt.ArrayLike) -> FloatArray:
        """Return the sum of a value of each rank over each user; `[num_users]`."""
        weights = np.asarray(values, dtype=np.float64)
        summed = np.bincount(self.owner, weights, minlength=len(self.counts))
        return np.asarray(summed, dtype=np.float64)


def ndcg_at(relevant: Relevant, k: int) -> FloatArray:
    """Normalised discounted cumulative gain (Järvelin and Kekäläinen, 2002), binary relevance.

    `sum of 1 / log2(1 + rank) over the hits, divided by the same sum over ranks 1..min(k, R)`,
    with R the number of relevant items.
    """
    gains = np.where(relevant.hits(k), 1 / np.log2(1 + relevant.ranks), 0.0)
    ideal = np.cumsum(1 / np.log2(np.arange(2, k + 2)))
    return np.asarray(relevant.total(gains) / ideal[np.minimum(relevant.counts, k) - 1])


def recall_at(relevant: Relevant, k: int) -> FloatArray:
    """`hits / R`: share of the relevant items that are among the first k."""
    return np.asarray(relevant.total(relevant.hits(k)) / relevant.counts)


def precision_at(relevant: Relevant, k: int) -> FloatArray:
    """`hits / k`: share of the first k that is relevant."""
    return relevant.total(relevant.hits(k)) / k


def f1_at(relevant: Relevant, k: int) -> FloatArray:
    """Harmonic mean of precision and recall, `2 hits / (k + R)`."""
    return np.asarray(2 * relevant.total(relevant.hits(k)) / (k + relevant.counts))


def hit_rate_at(relevant: Relevant, k: int) -> FloatArray:
    """1 if any relevant item is among the first k, else 0."""
    return np.asarray(relevant.total(relevant.hits(k)) > 0, dtype=np.float64)


def average_precision_at(relevant: Relevant, k: int) -> FloatArray:
    """Average precision: `sum of precision at the rank of each hit / min(k, R)`; MAP is its mean.

    Precision at the rank of the j-th best relevant item is `j / rank`.
    """
    gains = np.where(relevant.hits(k), relevant.position / relevant.ranks, 0.0)
    return np.asarray(relevant.total(gains) / np.minimum(relevant.counts, k))


def reciprocal_rank(relevant: Relevant) -> FloatArray:
    """`1 / best rank` of the relevant items; MRR is its mean."""
    return np.asarray(1 / relevant.ranks[relevant.position == 1])


def list_metrics(relevant: Relevant, ks: Sequence[int]) -> dict[str, FloatArray]:
    """Return every metric of ranked lists by name; each `[num_users]`."""
    values = {"MRR": reciprocal_rank(relevant)}
    for k in ks:
        values[f"NDCG@{k}"] = ndcg_at(relevant, k)
        values[f"Recall@{k}"] = recall_at(relevant, k)
        values[f"Precision@{k}"] = precision_at(relevant, k)
        values[f"F1@{k}"] = f1_at(relevant, k)
        values[f"HR@{k}"] = hit_rate_at(relevant, k)
        values[f"MAP@{k}"] = average_precision_at(relevant, k)
    return values


def row_metrics(ranks: FloatArray, ks: Sequence[int]) -> dict[str, FloatArray]:
    """Return the metrics of single positives, each ranked among its own negatives; `[num_rows]`.

    `MRR = 1 / rank`, `NDCG@k = 1 / log2(1 + rank)` if rank <= k, `HR@k = 1` if rank <= k.
    """
    values = {"MRR": 1 / ranks}
    for k in ks:
        values[f"NDCG@{k}"] = np.where(ranks <= k, 1 / np.log2(1 + ranks), 0.0)
        values[f"HR@{k}"] = (ranks <= k).astype(np.float64)
    return values


def coverage(top: IntArray, num_candidates: int) -> float:
    """Share of the candidates that are in any list.

    Args:
        top: items recommended to each user, -1 where a list is shorter; `[num_users, k]`.
        num_candidates: how many items could have been recommended.
    """
    return float(len(np.unique(top[top >= 0])) / num_candidates) if num_candidates else 0.0


def diversity(top: IntArray, features: npt.NDArray[np.floating]) -> float:
    """Mean over the lists of the mean `1 - cosine` over all pairs of items in the list.

    By `|sum of f|^2 = sum of |f|^2 + sum over pairs of f_i f_j`, without making the pairs. Vectors
    are summed in their own precision, lengths in float64.

    Args:
        top: items recommended to each user, -1 where a list is shorter; `[num_users, k]`.
        features: L2-normalised rows, `[num_items, dim]`; a zero row is orthogonal to every other.

    Returns:
        NaN where no list has two items.
    """
    squares = np.einsum("id,id->i", features, features, dtype=np.float64)
    total, num_lists = 0.0, 0
    block = max(1, 2**22 // max(1, features.shape[1]))
    for start in range(0, len(top), block):
        lists = top[start : start + block]
        there = lists >= 0
        length = there.sum(axis=1)
        items, pointers = lists[there], np.concatenate([[0], np.cumsum(length)])
        ones = np.ones(len(items), dtype=features.dtype)
        listed = sparse.csr_array((ones, items, pointers), shape=(len(lists), len(features)))
        summed = listed @ features
        many = length > 1
        own = np.bincount(np.repeat(np.arange(len(lists)), length), squares[items], len(lists))
        together = np.einsum("ud,ud->u", summed, summed, dtype=np.float64)
        cosines = (together - own)[many] / (length * (length - 1))[many]
        total += float((1 - cosines).sum())
        num_lists += int(many.sum())
    return total / num_lists if num_lists else float("nan")


def _count_below(
    ordered: npt.NDArray[np.floating],
    values: npt.NDArray[np.floating],
    rows: IntArray,
    *,
    or_equal: bool,
) -> IntArray:
    """Count, in each value's ascending row, the entries below it; all binary searches at once."""
    low = np.zeros(len(values), dtype=np.int64)
    high = np.full(len(values), ordered.shape[1], dtype=np.int64)
    for _ in range(int(ordered.shape[1]).bit_length()):
        middle = (low + high) // 2
        searching = low < high
        entry = ordered[rows, np.minimum(middle, ordered.shape[1] - 1)]
        below = (entry <= values) if or_equal else (entry < values)
        low = np.where(searching & below, middle + 1, low)
        high = np.where(searching & ~below, middle, high)
    return low
