import numpy as np
import pyarrow as pa
import pytest

from encoders.channels.cells import date_share, flat_lists, lists, moments, numbers, plain


def test_share_of_dates() -> None:
    assert date_share(pa.array(["2000-01-01", "2000-02", "x", None])) == pytest.approx(2 / 3)
    assert date_share(pa.array(["1234", "2345"])) == 0  # as likely codes as years
    assert date_share(pa.array([], pa.string())) == 0


def test_chunks_and_dictionaries_become_one_plain_array() -> None:
    chunked = pa.chunked_array([["a"], [], ["b", "a"]]).dictionary_encode()
    assert plain(chunked).equals(pa.array(["a", "b", "a"]))
    assert len(plain(pa.chunked_array([], pa.string()))) == 0


def test_numbers_of_texts() -> None:
    np.testing.assert_array_equal(
        numbers(pa.array(["1", "x", None, "2.5"])), [1, np.nan, np.nan, 2.5]
    )
    np.testing.assert_array_equal(numbers(pa.array([1, None])), [1, np.nan])


@pytest.mark.parametrize(
    ("text", "year", "place"),
    [
        ("1999", 1999, np.nan),
        ("1999-07", 1999.5, 0.5),
        ("1999-07-01T12:00:00", 1999.5, 0.5),
        ("-0044-01-01", -44, 0),
        (" 1999-01-01Z", 1999, 0),
        ("99-01-01", np.nan, np.nan),
    ],
)
def test_moments(text: str, year: float, place: float) -> None:
    found = moments(pa.array([text]))
    np.testing.assert_allclose([found[0][0], found[1][0]], [year, place])


def test_lists_of_one_length_are_lists() -> None:
    pairs = pa.array([["a", "b"], None], pa.list_(pa.string(), 2))
    assert flat_lists(lists(pairs))[1].to_pylist() == ["a", "b"]


def test_values_of_lists_with_their_nodes() -> None:
    nodes, texts = flat_lists(lists(pa.array(["a| b", None, "", "c, d;e", "x,y"])))
    assert nodes.tolist() == [0, 0, 3, 3, 3, 4]
    assert texts.to_pylist() == ["a", "b", "c", "d", "e", "x,y"]
