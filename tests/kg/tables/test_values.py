import math

import numpy as np
import pyarrow as pa
import pytest

from kg.tables.values import is_blank, join_text, to_attribute, to_numbers


def strings(*values):
    return pa.array(values, pa.string())


def test_texts_join_non_empty_parts_in_order_and_repeats_once():
    parts = [
        strings(" A ", "", "A", "", "A"),
        strings("B", "B", " A", " ", "B"),
        strings("C", "", "C", "", "A"),
    ]

    assert join_text(parts, 5).to_pylist() == ["A. B. C", "B", "A. C", "", "A. B"]
    assert join_text([], 2).to_pylist() == ["", ""]
    assert join_text(parts[:1], 5).to_pylist() == ["A", "", "A", "", "A"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        (" -2.5 ", -2.5),
        ("+3", 3),
        (".5", 0.5),
        ("4.", 4),
        ("1e3", 1000),
        ("-1E-2", -0.01),
    ],
)
def test_numbers_parse(text, number):
    values, valid = to_numbers(strings(text))
    assert values.tolist() == [number]
    assert valid.all()


@pytest.mark.parametrize(
    "text", ["", " ", "nan", "NaN", "inf", "-inf", "1e999", "1_0", "0x1", "a", "1,5", "٣"]
)
def test_what_is_no_finite_number_is_not_valid(text):
    _, valid = to_numbers(strings(text, "1"))
    assert valid.tolist() == [False, True]


def test_attributes_are_numbers_if_all_values_are():
    numbers = to_attribute(strings("1", "", "2.5"))
    assert numbers.type == pa.float64()
    assert numbers.to_pylist() == [1, None, 2.5]
    words = to_attribute(strings("1", "", "two"))
    assert words.type == pa.string()
    assert words.to_pylist() == ["1", None, "two"]
    assert to_attribute(strings("", "")).to_pylist() == [None, None]
    assert math.isfinite(np.nansum(to_attribute(strings("1", "")).to_numpy(zero_copy_only=False)))


@pytest.mark.parametrize(
    "cells", [("0.5, -1, 2e3", "", "1, 2, 3"), ("[0.5,-1,2e3]", "", "[ 1, 2, 3 ]")]
)
def test_lists_of_as_many_numbers_are_vectors(cells):
    vectors = to_attribute(strings(*cells))
    assert vectors.type == pa.list_(pa.float32())
    assert vectors.to_pylist() == [[0.5, -1, 2000], None, [1, 2, 3]]


@pytest.mark.parametrize(
    "cells", [("1, 2", "1, 2, 3"), ("1, 2", "a, b"), ("1,5", "2,5"), ("[1, 2", "1, 2]")]
)
def test_other_lists_are_texts(cells):
    assert to_attribute(strings(*cells)).to_pylist() == list(cells)


def test_white_space_is_blank():
    assert is_blank(strings("", " \t", "a")).tolist() == [True, True, False]
