"""Signals added in blocks and sparsely, against the plain formula."""

import numpy as np
import pytest
from scipy import sparse

from gnn.ranker import Ranker
from training.baselines.matrices import over_deviation
from training.ranking import weighing
from training.ranking.weighing import OfItems, add_weighed, dense


def plain(said, users, a, b):
    """The formula of `Ranker`, of a signal over its deviation."""
    ranker = Ranker(("it",), np.array([a, b], dtype=np.float32))
    return ranker.score({"it": over_deviation(dense(said, users))})


@pytest.fixture
def signal():
    draws = np.random.default_rng(0)
    values = draws.normal(size=(9, 50)).astype(np.float32) * np.geomspace(1e-25, 1e25, 9)[:, None]
    values[2], values[3] = 0, 7.3  # nothing, and the same of all
    values[4] = np.abs(values[4])
    return values.astype(np.float32)


@pytest.mark.parametrize("cells", [1, 120, 1 << 17])
@pytest.mark.parametrize("weights", [(0.4, -0.7), (0.0, 1.0), (2.0, 0.0)])
def test_dense_signals(signal, monkeypatch, cells, weights):
    monkeypatch.setattr(weighing, "CACHED_CELLS", cells)
    total = np.ones((9, 50), dtype=np.float32)
    expected = 1 + plain(signal, 9, *weights)
    add_weighed(total, signal.copy(), *weights)
    np.testing.assert_allclose(total, expected, atol=1e-5)
    assert (total[2:4] == 1).all()


@pytest.mark.parametrize("density", [0.1, 0.9])
def test_sparse_signals(signal, density):
    kept = np.random.default_rng(1).random(signal.shape) < density
    kept[5] = False
    said = sparse.csr_array(np.where(kept, signal, 0))
    total = np.ones((9, 50), dtype=np.float32)
    add_weighed(total, said, 0.4, -0.7)
    np.testing.assert_allclose(total, 1 + plain(said, 9, 0.4, -0.7), atol=1e-5)


def test_a_constant_sparse_row_says_nothing():
    said = sparse.csr_array(np.array([[0.3] * 4, [0, 0, 1, 0]], dtype=np.float32))
    total = np.zeros((2, 4), dtype=np.float32)
    weighing._add_sparse(total, said, 1.0, 1.0)
    assert not total[0].any()
    assert total[1, 2] > 1


def test_what_is_the_same_for_every_user():
    values = np.arange(8) ** 2
    group = OfItems({"a": values, "b": np.ones(8)})
    items, users = np.array([7, 0, 3]), np.arange(5)
    columns = group.columns(items)

    for _ in range(2):  # it may be overwritten
        found = dict(group.said(users, columns))
        assert np.array_equal(found["a"], [[49, 0, 9]])
        total = np.zeros((5, 3), dtype=np.float32)
        for said in found.values():
            add_weighed(total, said, 0.5, 2.0)
        expected = plain(values[items][None], 5, 0.5, 2.0)
        np.testing.assert_allclose(total, expected, atol=1e-5)


def test_nobody_and_nothing():
    for shape in ((0, 4), (3, 0)):
        total = np.zeros(shape, dtype=np.float32)
        add_weighed(total, total.copy(), 1.0, 1.0)
        add_weighed(total, sparse.csr_array(shape, dtype=np.float32), 1.0, 1.0)


def test_scores_too_small_to_be_scaled_count_as_constant():
    scores = np.array([[0, 1e-41], [0, 1.0]], dtype=np.float32)
    np.testing.assert_array_equal(over_deviation(scores), [[0, 0], [0, 2]])
