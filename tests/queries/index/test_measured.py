import numpy as np
import pytest

from queries.index.measured import Measured, recall_of, tune


def test_recall_counts_rows_apart():
    exact = np.array([[1, 2], [3, -1]])
    assert recall_of(np.array([[2, 9], [3, 7]]), exact) == pytest.approx(2 / 3)
    assert recall_of(np.array([[3, 3], [1, 2]]), exact) == 0
    assert recall_of(exact, exact) == 1


def test_as_few_cells_as_reach_the_recall(cells, vectors):
    rows, bias, asked = vectors
    low, measured = tune(cells, asked, rows, bias, recall=0.5)
    high, better = tune(cells, asked, rows, bias, recall=0.99)

    assert low.effort < high.effort
    assert measured.recall < better.recall
    assert better.recall > 0.95  # on questions that had no part in the choice
    assert (better.sample, better.k) == (30, 100)
    assert better.effort == high.effort
    assert better.milliseconds > 0


def test_how_many_times_as_quick():
    measured = Measured(
        recall=0.98, k=100, sample=200, milliseconds=0.5, exact_milliseconds=6.0, effort=8
    )
    assert measured.times == 12
    assert measured.to_json()["effort"] == 8
