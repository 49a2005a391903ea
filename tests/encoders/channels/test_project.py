import numpy as np
import pytest

from encoders.channels.project import Projection


@pytest.fixture
def x() -> np.ndarray:
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(60, 3)) * [5, 2, 1]) @ rng.normal(size=(3, 8)) + 1
    rows[7] = 0
    return rows.astype(np.float32)


ROWS = np.arange(60)


def lengths(rows: np.ndarray) -> np.ndarray:
    return np.linalg.norm(rows, axis=1)


def test_without_whitening_angles_around_the_mean_stay(x: np.ndarray) -> None:
    known = np.arange(60) != 7
    centred = x[known] - x[known].mean(axis=0)
    centred /= lengths(centred)[:, None]
    out = Projection.fit(x, ROWS).apply(x)[known]
    np.testing.assert_allclose(out @ out.T, centred @ centred.T, atol=1e-4)
    np.testing.assert_allclose(lengths(out), 1, atol=1e-5)


def test_whitening_makes_variances_equal_and_half_of_it_halves_their_logarithms() -> None:
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(20_000, 3)) * [4, 2, 1]).astype(np.float32)
    variance = {}
    for whiten in (0.0, 0.5, 1.0):
        projection = Projection.fit(x, np.arange(len(x)), whiten=whiten)
        variance[whiten] = ((x - projection.mean) @ projection.components.T).var(axis=0)
    np.testing.assert_allclose(variance[0] / variance[0][0], [1, 1 / 4, 1 / 16], rtol=0.05)
    np.testing.assert_allclose(variance[0.5] / variance[0.5][0], [1, 1 / 2, 1 / 4], rtol=0.05)
    np.testing.assert_allclose(variance[1] / variance[1][0], [1, 1, 1], rtol=0.05)


def test_few_rows_are_hardly_changed() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(12, 200)).astype(np.float32)
    x /= lengths(x)[:, None]
    plain, half = (Projection.fit(x, np.arange(12), whiten=w).apply(x) for w in (0.0, 0.5))
    np.testing.assert_allclose(half @ half.T, plain @ plain.T, atol=0.1)


def test_only_the_components_of_most_variance_are_kept(x: np.ndarray) -> None:
    projection = Projection.fit(x, ROWS, dim=2)
    whole = Projection.fit(x, ROWS)
    assert projection.components.shape == (2, 8)
    np.testing.assert_array_equal(projection.components, whole.components[:2])
    assert Projection.fit(x, ROWS, dim=20).components.shape == (8, 8)


def test_a_zero_row_stays_zero_and_moves_nothing(x: np.ndarray) -> None:
    projection = Projection.fit(x, ROWS, dim=3, whiten=0.5)
    assert not projection.apply(x)[7].any()
    without = Projection.fit(np.delete(x, 7, axis=0), np.arange(59), dim=3, whiten=0.5)
    np.testing.assert_array_equal(projection.mean, without.mean)


def test_only_given_rows_are_looked_at(x: np.ndarray) -> None:
    other = x.copy()
    other[40:] = 1e6
    one, two = (Projection.fit(some, np.arange(40), whiten=1.0) for some in (x, other))
    np.testing.assert_array_equal(one.mean, two.mean)
    np.testing.assert_array_equal(one.components, two.components)


@pytest.mark.parametrize("rows", [np.arange(0), np.arange(1), np.array([7]), np.array([3, 3, 3])])
def test_rows_without_components_leave_directions_as_they_are(
    x: np.ndarray, rows: np.ndarray
) -> None:
    out = Projection.fit(x, rows, whiten=0.5).apply(x)
    known = np.arange(60) != 7
    np.testing.assert_allclose(out[known], x[known] / lengths(x[known])[:, None], rtol=1e-5)


def test_arrays_hold_all_of_it(x: np.ndarray) -> None:
    projection = Projection.fit(x, ROWS, dim=2, whiten=0.5)
    again = Projection.of_arrays(projection.arrays())
    np.testing.assert_array_equal(again.apply(x), projection.apply(x))
