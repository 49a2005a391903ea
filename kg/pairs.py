"""Which of very many rows, or pairs of them, are among a few."""

import numpy as np

from kg.graph import BoolArray
from kg.vocab import IntArray


def members(few: IntArray, rows: IntArray) -> BoolArray:
    """Return which rows, of 0 and more, are among few, bool `[len(rows)]`.

    A mask of all rows that there may be is asked: nothing is sorted, and nothing copied.
    """
    there = np.zeros(max(few.max(initial=-1), rows.max(initial=-1)) + 1, dtype=np.bool_)
    there[few] = True
    return np.asarray(there[rows])


def pairs_among(
    users: IntArray, items: IntArray, few_users: IntArray, few_items: IntArray
) -> IntArray:
    """Return which of many pairs are among few, as sorted places; shape `[num_found]`.

    Nothing is made of all pairs but three masks, however many there are.

    Args:
        users: of the many, int64 `[num_pairs]`.
        items: of the same.
        few_users: of the few, int64 `[num_few]`.
        few_items: of the same.
    """
    if not len(few_users):
        return np.zeros(0, dtype=np.int64)
    maybe = members(few_users, users) & members(few_items, items)
    places = np.flatnonzero(maybe)
    num_items = few_items.max() + 1
    wanted = np.sort(few_users * num_items + few_items)
    keys = users[places] * num_items + items[places]
    at = np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)
    return np.asarray(places[wanted[at] == keys])
