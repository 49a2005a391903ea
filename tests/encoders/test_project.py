import numpy as np
import pytest

from encoders.project import Projection


@pytest.fixture
def x() -> np.ndarray:
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(60, 3)) * [5, 2, 1]) @ rng.normal(size=(3, 8)) + 1
    rows[7] = 0
    return rows.astype(np.float32)


ROWS = np.arange(60)


def test_distances_stay_what_they_are(x: np.ndarray) -> None:
    projection = Projection.fit(x, ROWS, 3)
    out = projection.apply(x)
    assert out.shape == (60, 3)
    known = np.arange(60) != 7
    before = np.linalg.norm(x[known][:, None] - x[known][None], axis=2)
    after = np.linalg.norm(out[known][:, None] - out[known][None], axis=2)
    np.testing.assert_allclose(after, before, rtol=1e-3, atol=1e-3)


def test_whitened_coordinates_have_one_variance_and_no_covariance(x: np.ndarray) -> None:
    known = np.arange(60) != 7
    out = Projection.fit(x, ROWS, 3, whiten=True).apply(x)[known]
    np.testing.assert_allclose(np.cov(out.T, bias=True), np.eye(3) / 3, atol=1e-4)
    assert np.square(out).sum(axis=1).mean() == pytest.approx(1, rel=1e-4)


def test_rounding_is_not_blown_up(x: np.ndarray) -> None:
    out = Projection.fit(x, ROWS, 6, whiten=True).apply(x)  # the data have three dimensions
    assert out.shape == (60, 6)
    assert not out[:, 3:].any()
    assert np.isfinite(out).all()


def test_a_zero_row_stays_zero_and_moves_nothing(x: np.ndarray) -> None:
    projection = Projection.fit(x, ROWS, 3)
    assert not projection.apply(x)[7].any()
    without = Projection.fit(np.delete(x, 7, axis=0), np.arange(59), 3)
    np.testing.assert_array_equal(projection.mean, without.mean)


def test_only_given_rows_are_looked_at(x: np.ndarray) -> None:
    other = x.copy()
    other[40:] = 1e6
    one, two = (Projection.fit(some, np.arange(40), 3, whiten=True) for some in (x, other))
    np.testing.assert_array_equal(one.mean, two.mean)
    np.testing.assert_array_equal(one.components, two.components)


@pytest.mark.parametrize("rows", [np.arange(0), np.arange(1), np.array([7])])
def test_too_few_rows_give_zeros(x: np.ndarray, rows: np.ndarray) -> None:
    assert not Projection.fit(x, rows, 3).apply(x).any()


def test_arrays_hold_all_of_it(x: np.ndarray) -> None:
    projection = Projection.fit(x, ROWS, 2, seed=3)
    again = Projection.of_arrays(projection.arrays())
    np.testing.assert_array_equal(again.apply(x), projection.apply(x))
