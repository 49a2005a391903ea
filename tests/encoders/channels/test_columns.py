import datetime

import numpy as np
import pyarrow as pa
import pytest

from encoders.channels.columns import Categorical, Date, Numeric, Vectors


def test_numbers_are_standardised_beside_a_mark_that_they_are_known() -> None:
    column = pa.array([1990.0, None, 2010.0, float("nan")])
    year = Numeric.fit("year", column, np.arange(4))
    assert year == Numeric(name="year", mean=2000.0, scale=10.0)
    np.testing.assert_allclose(
        year.apply(column), [[-0.1, 0.1], [0, 0], [0.1, 0.1], [0, 0]], atol=1e-7
    )


def test_a_number_that_never_changes_says_nothing() -> None:
    assert Numeric.fit("year", pa.array([7, 7, None]), np.arange(3)) is None
    assert Numeric.fit("year", pa.array([None, None], pa.float64()), np.arange(2)) is None
    assert Numeric.fit("year", pa.array([1.7e308, -1.7e308]), np.arange(2)) is None


def test_extreme_numbers_are_bounded() -> None:
    fitted = Numeric(name="price", mean=0.0, scale=1.0)
    rows = fitted.apply(pa.array([1e300, -1e300]))
    np.testing.assert_allclose(rows[:, 0], [0.5, -0.5])


def test_truth_values_and_texts_of_numbers_are_numbers() -> None:
    assert Numeric.fit("new", pa.array([True, False]), np.arange(2)).mean == 0.5
    assert Numeric.fit("size", pa.array(["1", "3", "big", None]), np.arange(4)).mean == 2.0


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["2000-01-01", "2001-07-01", None]),
        pa.array(["2000-01-01T10:30:00Z", "2001-07-01 23:00:00+02:00", "some day"]),
        pa.array([datetime.date(2000, 1, 1), datetime.date(2001, 7, 1), None]),
        pa.array([datetime.datetime(2000, 1, 1), datetime.datetime(2001, 7, 1), None]),
    ],
)
def test_dates_are_times_and_places_in_the_year(column: pa.Array) -> None:
    rows = Date.fit("out", column, np.arange(3)).apply(column)
    expected = [[-0.1, 0.1, 0, 0.1], [0.1, 0.1, 0, -0.1], [0, 0, 0, 0]]
    np.testing.assert_allclose(rows, expected, atol=1e-7)


def test_the_last_day_of_a_year_is_near_the_first() -> None:
    column = pa.array(["2000-01-01", "2000-12-31"])
    rows = Date.fit("out", column, np.arange(2)).apply(column)
    assert np.linalg.norm(rows[0, 2:] - rows[1, 2:]) < 0.01


def test_years_have_no_place_in_the_year() -> None:
    column = pa.array(["1999", "2001", "2003-01-01"])
    assert not Date.fit("out", column, np.arange(3)).cycle
    assert not Date.fit("out", pa.array([1999.0, 2001.0]), np.arange(2)).cycle


@pytest.mark.parametrize("text", ["2000-13-01", "2000-01-32", "20000101", "May 2000", ""])
def test_what_is_no_date_is_unknown(text: str) -> None:
    fitted = Date(name="out", mean=2000.0, scale=1.0, cycle=True)
    assert not fitted.apply(pa.array([text])).any()


def test_frequent_values_have_a_coordinate_each() -> None:
    column = pa.array(["b"] * 7 + ["a"] * 6 + ["rare"] * 4 + [None, ""])
    fitted, share = Categorical.fit("genre", column, np.arange(19))
    assert fitted.values == ("b", "a")
    assert share == pytest.approx(13 / 17)
    rows = fitted.apply(column)
    np.testing.assert_allclose(
        rows[[0, 7, 13, 17, 18]], np.array([[3, 0], [0, 3]] + [[0, 0]] * 3) / 10
    )


def test_at_most_32_values_the_most_frequent() -> None:
    texts = [f"v{number:02d}" for number in range(40) for _ in range(5 + (number >= 20))]
    fitted, _ = Categorical.fit("genre", pa.array(texts), np.arange(len(texts)))
    assert len(fitted.values) == 32
    assert {f"v{number}" for number in range(20, 40)} <= set(fitted.values)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([["x", "y", "x"], ["x"], [], None]),
        pa.array(["x|y | x", "x", "", None]),
        pa.array(["x, y", "x", None, None]),
    ],
)
def test_several_values_share_the_length_of_a_row(column: pa.Array) -> None:
    rows = Categorical(name="genre", values=("x", "y")).apply(column)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), [0.3, 0.3, 0, 0], rtol=1e-6)
    assert rows[0, 0] == rows[0, 1] > 0


def test_a_value_of_all_nodes_tells_nobody_apart() -> None:
    column = pa.array(["film"] * 20)
    assert Categorical.fit("kind", column, np.arange(20)) == (None, 0.0)


def test_vectors_are_brought_to_unit_length() -> None:
    column = pa.array([[3.0, 4.0], None, [1.0], [0.0, 2.0], [None, 1.0], [1e300, 1e300]])
    fitted = Vectors.fit("taste", column, np.arange(6))
    assert fitted.dim == 2
    expected = [[0.6, 0.8], [0, 0], [0, 0], [0, 1], [0, 0]]
    np.testing.assert_allclose(fitted.apply(column)[:5], expected, rtol=1e-6)
    assert np.isfinite(fitted.apply(column)).all()
    fixed = pa.array([[3, 4], [1, 0]], pa.list_(pa.int64(), 2))
    np.testing.assert_allclose(fitted.apply(fixed), [[0.6, 0.8], [1, 0]], rtol=1e-6)


def test_a_slice_of_a_column_is_what_it_shows() -> None:
    column = pa.array([["x"], ["y"], ["x", "y"]]).slice(1)
    rows = Categorical(name="genre", values=("x", "y")).apply(column)
    assert rows.astype(bool).tolist() == [[False, True], [True, True]]
    vectors = pa.array([[9.0, 9.0], [3.0, 4.0]]).slice(1)
    np.testing.assert_allclose(Vectors(name="v", dim=2).apply(vectors), [[0.6, 0.8]], rtol=1e-6)


def test_fitting_looks_at_its_rows_alone() -> None:
    numbers = np.arange(100.0)
    extreme = numbers.copy()
    extreme[50:] = 1e9
    warm = np.arange(50)
    assert Numeric.fit("n", pa.array(extreme), warm) == Numeric.fit("n", pa.array(numbers), warm)
    texts = ["a"] * 25 + ["b"] * 25 + ["cold"] * 50
    assert Categorical.fit("c", pa.array(texts), warm)[0].values == ("a", "b")
    dates = [f"{1950 + n}-0{1 + n % 9}-01" for n in range(50)] + ["9999-01-01"] * 50
    assert Date.fit("d", pa.array(dates), warm).mean < 2010
    vectors = [[1.0, 2.0]] * 50 + [[1.0, 2.0, 3.0]] * 50
    assert Vectors.fit("v", pa.array(vectors), warm).dim == 2
