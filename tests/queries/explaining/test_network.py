import numpy as np
import pytest

from queries.explaining.network import divide_network

ITEMS = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
TOWARD = np.random.default_rng(1).normal(size=8).astype(np.float32)


def test_a_user_who_is_a_sum_of_items_is_divided_into_them():
    own = np.array([3, 7, 20])
    user = 2 * ITEMS[3] + ITEMS[7] - ITEMS[20]
    found = divide_network(user, ITEMS, own, TOWARD)
    expected = np.array([2, 1, -1]) * (ITEMS[own] @ TOWARD)
    np.testing.assert_allclose(found.adds, expected, atol=0.06)


def test_of_more_items_than_coordinates_the_sum_is_right():
    own = np.arange(30)
    user = ITEMS[own].sum(axis=0)
    found = divide_network(user, ITEMS, own, TOWARD)
    assert found.adds.sum() == pytest.approx(user @ TOWARD, abs=0.02)


def test_what_lies_apart_from_all_items_is_left():
    items = np.eye(8, dtype=np.float32)
    user = np.eye(8, dtype=np.float32)[7]
    found = divide_network(user, items, np.array([0, 1]), items[7])
    assert found.adds.tolist() == [0, 0]
    assert len(divide_network(user, items, np.array([], dtype=int), items[7]).adds) == 0
