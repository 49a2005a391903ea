import numpy as np
import pytest

from training.evaluation.metrics import mid_ranks
from training.evaluation.unsorted import FEW, GROUP, MANY_VALUES, best_columns, full_ranks


def expected(negated, k):
    k = min(k, negated.shape[1])
    order = np.argsort(negated, axis=1, kind="stable")[:, :k]  # NaN last
    return np.where(np.isnan(np.take_along_axis(negated, order, axis=1)), -1, order)


@pytest.mark.parametrize("k", [1, 7, 40])
@pytest.mark.parametrize("width", [0, 1, 39, 4 * GROUP, FEW * 40 * GROUP, 4_099, 9_000])
@pytest.mark.parametrize("levels", [1, 3, 500, 10**9])
def test_best_first_and_of_equals_the_first(k, width, levels):
    rng = np.random.default_rng(width)
    negated = rng.integers(levels, size=(11, width)).astype(np.float32)
    assert np.array_equal(best_columns(negated, k), expected(negated, k))


def test_ties_within_and_between_groups():
    rng = np.random.default_rng(0)
    for _ in range(200):
        negated = rng.integers(1, 400, size=(6, 700)).astype(np.float32)
        negated[rng.random(negated.shape) < rng.random() / 100] = 0
        assert np.array_equal(best_columns(negated, 4), expected(negated, 4))


@pytest.mark.parametrize("ranked", [0.0, 0.001, 0.3])
def test_what_is_not_ranked_is_not_listed(ranked):
    rng = np.random.default_rng(0)
    negated = rng.standard_normal((20, 5_000), dtype=np.float32)
    negated[rng.random(negated.shape) >= ranked] = np.nan
    found = best_columns(negated, 10)
    assert np.array_equal(found, expected(negated, 10))
    assert (found < 0).any() == (ranked < 0.3)


def test_infinite_scores_are_ranked():
    negated = np.full((3, 5_000), np.inf, dtype=np.float32)
    negated[0, 4_000], negated[1, :4_990] = -np.inf, np.nan
    assert best_columns(negated, 3).tolist() == [[4_000, 0, 1], [4_990, 4_991, 4_992], [0, 1, 2]]


def test_the_best_at_the_end_of_a_row_are_found():
    """The columns after the last whole group belong to none."""
    negated = np.random.default_rng(0).random((4, 200 * GROUP + 5), dtype=np.float32)
    negated[:, -3:] = [-3, -1, -2]
    last = negated.shape[1] - 1
    assert best_columns(negated, 3).tolist() == [[last - 2, last, last - 1]] * 4


@pytest.mark.parametrize("levels", [3, 10**9])
@pytest.mark.parametrize("most", [1, 5, 60])
def test_ranks_without_sorting_are_those_of_sorted_scores(levels, most):
    """Of users with one value, few, and so many that their scores are sorted."""
    rng = np.random.default_rng(most)
    negated = rng.integers(levels, size=(40, 700)).astype(np.float32)
    negated[:, 600:][rng.random((40, 100)) < 0.5] = np.nan
    rows = np.repeat(np.arange(40), rng.integers(1, most + 1, size=40))
    values = negated[rows, rng.integers(600, size=len(rows))]
    assert (np.bincount(rows) > MANY_VALUES).any() == (most == 60)
    for order in (np.arange(len(rows)), rng.permutation(len(rows))):
        found = full_ranks(negated, values[order], rows[order])
        assert np.array_equal(found, mid_ranks(np.sort(negated), values[order], rows[order]))
