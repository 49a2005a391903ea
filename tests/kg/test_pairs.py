import tracemalloc

import numpy as np
import pytest

from kg.pairs import members, pairs_among


@pytest.mark.parametrize("seed", range(5))
def test_it_finds_what_sets_find(seed):
    rng = np.random.default_rng(seed)
    users, few_users = rng.integers(20, size=200), rng.integers(25, size=30)
    items, few_items = rng.integers(10, size=200), rng.integers(15, size=30)
    few = set(zip(few_users.tolist(), few_items.tolist(), strict=True))
    expected = [i for i in range(200) if (int(users[i]), int(items[i])) in few]
    assert pairs_among(users, items, few_users, few_items).tolist() == expected


def test_rows_that_are_among_few():
    assert members(np.array([5, 1]), np.array([1, 2, 9, 5, 1])).tolist() == [1, 0, 0, 1, 1]
    none = np.zeros(0, dtype=np.int64)
    assert members(none, np.array([3])).tolist() == [False]
    assert members(np.array([3]), none).tolist() == []


def test_a_user_and_an_item_of_different_pairs_are_none():
    some = np.array([0, 1])
    assert pairs_among(some, some[::-1], some, some).tolist() == []


def test_nothing_among_nothing():
    some, none = np.array([3]), np.zeros(0, dtype=np.int64)
    assert pairs_among(some, some, none, none).tolist() == []
    assert pairs_among(none, none, some, some).tolist() == []


def test_memory_does_not_hold_the_pairs_again():
    users = np.arange(1_000_000)
    few = np.arange(1_000)
    tracemalloc.start()
    found = pairs_among(users, users, few, few)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.tolist() == few.tolist()
    assert peak < users.nbytes
