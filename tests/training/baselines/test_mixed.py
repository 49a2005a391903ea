import numpy as np

from training.baselines import matrices
from training.baselines.mixed import Mixed


class Table:
    """A scorer that looks its scores up."""

    def __init__(self, scores: np.ndarray) -> None:
        self.name = "table"
        self.scores = scores.astype(np.float32)

    def score(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        return self.scores[np.ix_(users, items)]


def test_parts_are_divided_by_their_deviation_and_not_centred():
    rng = np.random.default_rng(0)
    a, b = rng.random((6, 9)), 100 * rng.random((6, 9)) + 50
    mixed = Mixed([(1, Table(a)), (0.5, Table(b))], "both")
    expected = a / a.std(axis=1, keepdims=True) + 0.5 * b / b.std(axis=1, keepdims=True)
    np.testing.assert_allclose(mixed.score(np.arange(6), np.arange(9)), expected, rtol=1e-5)


def test_a_constant_row_adds_nothing():
    scores = Mixed([(1, Table(np.full((1, 7), 0.3))), (1, Table(np.arange(7)[None]))], "m").score(
        np.array([0]), np.arange(7)
    )
    np.testing.assert_allclose(scores, [np.arange(7) / 2], rtol=1e-6)


def test_its_parts_keep_their_scores_and_blocks_change_nothing(monkeypatch):
    table = Table(np.random.default_rng(1).random((20, 30)))
    before = table.scores.copy()
    mixed = Mixed([(2, table)], "twice")
    whole = mixed.score(np.arange(20), np.arange(30))
    assert np.array_equal(table.scores, before)
    monkeypatch.setattr(matrices, "BLOCK_BYTES", 1)
    assert np.array_equal(mixed.score(np.arange(20), np.arange(30)), whole)
