"""Ranks and best candidates of each user, found without sorting all scores."""

import numpy as np
import numpy.typing as npt

from kg.vocab import IntArray
from training.evaluation.metrics import FloatArray, count_true, mid_ranks

MANY_VALUES = 8  # of one user: from here on sorting the scores costs less than comparing all
GROUP = 32  # candidates of which only the best is looked at first
FEW = 4  # times k groups: where there are no more, all candidates are looked at


def full_ranks(
    negated: npt.NDArray[np.floating], values: npt.NDArray[np.floating], rows: IntArray
) -> FloatArray:
    """Return what `mid_ranks` does, of scores that are not sorted.

    Two comparisons with a row take a tenth of what sorting it takes, so that rows are sorted only
    where many values are asked for.

    Args:
        negated: negated scores of every candidate, NaN where not ranked;
            `[num_users, num_candidates]`.
        values: negated scores to rank, each of them also in its row of `negated`; `[num_values]`.
        rows: row of `negated` that each value belongs to, `[num_values]`.

    Returns:
        Ranks, float64 `[num_values]`.
    """
    ranks = np.empty(len(values))
    often = np.bincount(rows, minlength=len(negated))[rows] > MANY_VALUES
    if often.any():
        users, within = np.unique(rows[often], return_inverse=True)
        ranks[often] = mid_ranks(np.sort(negated[users], axis=1), values[often], within)
    few = np.flatnonzero(~often)
    for start in range(0, len(few), max(1, len(negated))):  # copies no larger than `negated`
        some = few[start : start + len(negated)]
        value, row = values[some, None], rows[some]
        every = len(row) == len(negated) and bool((row == np.arange(len(row))).all())
        scores = negated if every else negated[row]
        ranks[some] = (count_true(scores < value) + count_true(scores <= value) + 1) / 2
    return ranks


def best_columns(negated: npt.NDArray[np.floating], k: int) -> IntArray:
    """Return the columns of the k best of each row, best first, -1 where there are fewer.

    Equal scores go by column.

    Args:
        negated: scores times -1, NaN where not ranked, `[num_rows, num_candidates]`.
        k: how many.

    Returns:
        int64 `[num_rows, min(k, num_candidates)]`.
    """
    num_rows, width = negated.shape
    k = min(k, width)
    find = _by_groups if width // GROUP > FEW * k else _by_value
    row, column = find(negated, k)
    order = np.lexsort((column, negated[row, column], row))
    counts = np.bincount(row, minlength=num_rows)
    row = row[order]
    place = np.arange(len(row)) - (np.cumsum(counts) - counts)[row]
    first = place < k
    best = np.full((num_rows, k), -1, dtype=np.int64)
    best[row[first], place[first]] = column[order[first]]
    return best


def _by_groups(negated: npt.NDArray[np.floating], k: int) -> tuple[IntArray, IntArray]:
    """Return rows and columns of the k best of each row and of few others, in any order.

    k groups have a best that reaches the k-th best of their bests, so k candidates do, and only
    groups whose best reaches it have any that do.
    """
    width = negated.shape[1]
    groups = width // GROUP
    whole = groups * GROUP
    # a group is every `groups`-th column, so that rows of memory are compared with each other
    bests = np.fmin.reduce(negated[:, :whole].reshape(len(negated), GROUP, groups), axis=1)
    bound = np.partition(bests, k - 1, axis=1)[:, k - 1]
    bound[np.isnan(bound)] = np.inf  # fewer than k groups have one that is ranked
    reached = bests <= bound[:, None]
    tied = count_true(reached) > 2 * k
    reached[tied] = False
    row, group = np.nonzero(reached)
    rest = np.flatnonzero(~tied)
    row = np.concatenate([np.repeat(row, GROUP), np.repeat(rest, width - whole)])
    column = np.concatenate(
        [
            (group[:, None] + np.arange(0, whole, groups)).ravel(),
            np.tile(np.arange(whole, width), len(rest)),
        ]
    )
    reach = negated[row, column] <= bound[row]
    row, column = row[reach], column[reach]
    if not tied.any():
        return row, column
    tied_row, tied_column = _by_value(negated[tied], k)
    row = np.concatenate([row, np.flatnonzero(tied)[tied_row]])
    return row, np.concatenate([column, tied_column])


def _by_value(negated: npt.NDArray[np.floating], k: int) -> tuple[IntArray, IntArray]:
    """Return rows and columns of the k best of each row, of equals the first, in any order."""
    worst = np.partition(negated, k - 1, axis=1)[:, k - 1 : k]
    worst[np.isnan(worst)] = np.inf  # fewer than k are ranked: take all of them
    chosen = negated <= worst
    surplus = count_true(chosen) - k
    tied = np.flatnonzero(surplus > 0)
    if len(tied):
        equal = negated[tied] == worst[tied]
        keep = count_true(equal) - surplus[tied]
        equal &= equal.cumsum(axis=1, dtype=np.int32) > keep[:, None]
        chosen[tied] &= ~equal
    row, column = np.divmod(np.flatnonzero(chosen), negated.shape[1])
    return row, column
