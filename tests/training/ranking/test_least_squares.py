"""Conjugate gradients against the normal equations, row by row."""

import numpy as np
from scipy.sparse import csr_array, random_array

from training.ranking import least_squares
from training.ranking.least_squares import CONFIDENCE, PENALTY, descend


def problem(rng):
    history = (random_array((12, 30), density=0.2, rng=rng) > 0).astype(np.float32).tocsr()
    columns = rng.normal(size=(30, 5)).astype(np.float32)
    return history, columns


def test_enough_steps_solve_the_normal_equations(monkeypatch):
    rng = np.random.default_rng(0)
    monkeypatch.setattr(least_squares, "STEPS", 12)
    monkeypatch.setattr(least_squares, "GATHERED", 7)
    history, columns = problem(rng)
    found = descend(history, rng.normal(size=(12, 5)).astype(np.float32), columns)
    for row, degree in enumerate(np.diff(history.indptr)):
        used = history[[row]].toarray()[0] > 0
        confidence = np.where(used, CONFIDENCE, 1.0)
        left = (columns.T * confidence) @ columns + PENALTY * max(degree, 1) * np.eye(5)
        right = columns.T @ (confidence * used)
        np.testing.assert_allclose(found[row], np.linalg.solve(left, right), atol=1e-4)


def test_few_steps_come_nearer():
    rng = np.random.default_rng(0)
    history, columns = problem(rng)
    start = rng.normal(size=(12, 5)).astype(np.float32)

    def error(factors):
        weights = np.where(history.toarray() > 0, CONFIDENCE, 1.0)
        return (weights * (history.toarray() - factors @ columns.T) ** 2).sum()

    assert error(descend(history, start, columns)) < 0.5 * error(start)


def test_a_row_without_interactions_stays_at_zero():
    rng = np.random.default_rng(0)
    history, columns = problem(rng)
    history = csr_array(history.toarray() * (np.arange(12) != 3)[:, None])
    found = descend(history, np.zeros((12, 5), np.float32), columns)
    assert not found[3].any()
    assert np.isfinite(found).all()
