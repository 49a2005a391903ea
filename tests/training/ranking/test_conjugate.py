import numpy as np
import pytest

from training.ranking import conjugate
from training.ranking.conjugate import leading, solve_shifted

PENALTIES = [3.0, 0.5, 40.0]


@pytest.fixture
def system():
    """A matrix of rank 12 whose greatest eigenvalue is a hundred times the least penalty."""
    draws = np.random.default_rng(0)
    half = draws.normal(size=(60, 12)) * np.geomspace(1, 0.05, 12)
    matrix = half @ half.T
    matrix *= 50 / np.linalg.eigvalsh(matrix)[-1]
    right = draws.normal(size=(60, 7)) * np.geomspace(1e-3, 1e3, 7)
    return matrix.astype(np.float32), right.astype(np.float32)


def exact(matrix, right, penalty):
    shifted = matrix.astype(np.float64) + penalty * np.eye(len(matrix))
    return np.linalg.solve(shifted, right.astype(np.float64))


@pytest.mark.parametrize("penalties", [PENALTIES, PENALTIES[:1], [0.5, 0.5]])
def test_every_penalty_is_solved(system, penalties):
    matrix, right = system
    found = solve_shifted(lambda x: matrix @ x, right, penalties)

    assert len(found) == len(penalties)
    for answer, penalty in zip(found, penalties, strict=True):
        expected = exact(matrix, right, penalty)
        error = np.linalg.norm(answer - expected, axis=0) / np.linalg.norm(expected, axis=0)
        assert answer.dtype == np.float32
        assert error.max() < 1e-5


def test_more_penalties_cost_no_product(system):
    matrix, right = system
    calls = []

    def multiply(x):
        calls.append(1)
        return matrix @ x

    solve_shifted(multiply, right, [0.5])
    alone = len(calls)
    solve_shifted(multiply, right, PENALTIES)
    assert len(calls) == 2 * alone <= 60


def test_an_answer_does_not_depend_on_who_else_is_asked(system):
    matrix, right = system
    right[:, 3] = 0
    right[:, 4] = matrix[:, 0] * 100  # at home in few directions: done before the others

    whole = solve_shifted(lambda x: matrix @ x, right, PENALTIES)

    for column in range(right.shape[1]):
        alone = solve_shifted(lambda x: matrix @ x, right[:, [column]], PENALTIES)
        for one, other in zip(alone, whole, strict=True):
            scale = max(np.abs(one).max(), 1e-9)
            np.testing.assert_allclose(one[:, 0] / scale, other[:, column] / scale, atol=3e-6)
    assert not whole[0][:, 3].any()


def test_nothing_is_asked():
    nobody = np.zeros((5, 0), dtype=np.float32)
    assert [x.shape for x in solve_shifted(lambda x: x, nobody, [1.0, 2.0])] == [(5, 0), (5, 0)]


@pytest.fixture
def spread(monkeypatch):
    """A few eigenvalues far above the others, and both above the least penalty."""
    monkeypatch.setattr(conjugate, "SMALL", 1)
    monkeypatch.setattr(conjugate, "LEADING", 6)
    draws = np.random.default_rng(1)
    axes, _ = np.linalg.qr(draws.normal(size=(300, 300)))
    values = np.concatenate([np.geomspace(2000, 50, 6), draws.random(294)])
    right = draws.normal(size=(300, 5)) + 20 * axes[:, :1]
    return ((axes * values) @ axes.T).astype(np.float32), right.astype(np.float32)


def test_known_eigenvectors_save_steps_and_change_nothing(spread):
    matrix, right = spread
    calls = []

    def multiply(x):
        calls.append(1)
        return matrix @ x

    known = leading(multiply, 300, 0)
    values, vectors = known
    np.testing.assert_allclose(np.sort(values), np.linalg.eigvalsh(matrix)[-6:], rtol=1e-4)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(6), atol=1e-5)

    counts = []
    for given in (None, known):
        calls.clear()
        for answer, penalty in zip(
            solve_shifted(multiply, right, PENALTIES, given), PENALTIES, strict=True
        ):
            np.testing.assert_allclose(answer, exact(matrix, right, penalty), rtol=0, atol=2e-4)
            assert answer.dtype == np.float32
        counts.append(len(calls))
    assert counts[1] <= 12 < counts[0]


def test_a_small_matrix_needs_no_eigenvectors():
    values, vectors = leading(lambda x: x, 5, 0)
    assert (values.shape, vectors.shape) == ((0,), (5, 0))


def test_what_has_not_converged_is_not_known(spread, monkeypatch):
    matrix, _ = spread
    monkeypatch.setattr(conjugate, "EXACT", 0.0)
    assert leading(lambda x: matrix @ x, 300, 0)[1].shape == (300, 0)
