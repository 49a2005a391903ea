import numpy as np
import pytest

from training.ranking.conjugate import solve_shifted

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
