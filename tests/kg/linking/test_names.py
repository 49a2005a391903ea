import doctest
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.linking import names
from kg.linking.names import LEVELS, fold, keys, names_of_ids, qualifier_years, years_in

quick = settings(deadline=None, max_examples=25)


def level(one, other):
    """Return the first level at which two names are equal."""
    both = keys(pa.array([one, other]))
    for name in LEVELS:
        left, right = both[name].to_pylist()
        if left is not None and left == right:
            return name
    return None


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Emma", "Emma", "as written"),
        ("Emma", "  Emma ", "as written"),
        ("MOTÖRHEAD", "Motorhead", "case"),
        ("Ｂｊöｒｋ", "bjork", "case"),
        ("Bjørn Straße", "bjorn strasse", "case"),
        ("Simon & Ann", "Simon and Ann", "punctuation"),
        ("Simon + Ann", "Simon & Ann", "punctuation"),
        ("Guns N' Roses", "Guns N\u2019 Roses", "punctuation"),
        ("A.B.C.", "A B C", "punctuation"),
        ("The Wall", "Wall", "article"),
        ("Wall, The", "The Wall", "article"),
        ("A. J. Smith", "AJ Smith", "spaces"),
        ("Black bird", "Blackbird", "spaces"),
        ("Theatre", "atre", None),
        ("!!!", "???", None),
        ("!!!", "!!!", "as written"),
        ("", "", None),
        ("कि", "क", None),  # a vowel sign is no ornament
    ],
)
def test_names_are_equal_at_a_level(one, other, expected):
    assert level(one, other) == expected


@quick
@given(st.lists(st.text(max_size=12), max_size=8))
def test_a_level_is_coarser_than_the_one_before(words):
    found = [keys(pa.array(words, pa.string()))[name].to_pylist() for name in LEVELS]
    for finer, coarser in pairwise(found):
        for i, one in enumerate(finer):
            for j, other in enumerate(finer):
                if one is not None and one == other:
                    assert coarser[i] == coarser[j]


@quick
@given(st.text(max_size=20))
def test_folding_twice_changes_nothing(text):
    once = fold(pa.array([text]))
    assert fold(once).to_pylist() == once.to_pylist()


def test_names_of_iris():
    ids = [
        "http://a.org/r/AC/DC",
        "http://a.org/r/Emma_(novel)",
        "http://a.org/r/Zo%C3%AB",
        "http://b.org/terms#name",
        "ex:Jane_Eyre",
        "plain_id",
    ]
    expected = ["AC/DC", "Emma (novel)", "Zoë", "name", "Jane Eyre", "plain_id"]
    assert names_of_ids(ids) == expected


def test_an_iri_without_a_local_name_is_its_own_name():
    assert names_of_ids(["http://a.org/", "http://a.org"])[1] == "http://a.org"


def test_years():
    cells = pa.array(["1995", "1995-07-19", "in 1995.", "19951", "1990s", "none", ""])
    expected = [1995, 1995, 1995, np.nan, np.nan, np.nan, np.nan]
    np.testing.assert_array_equal(years_in(cells), expected)
    brackets = pa.array(["Emma (1996 film)", "1984", "Emma (novel)", "Emma"])
    np.testing.assert_array_equal(qualifier_years(brackets), [1996, np.nan, np.nan, np.nan])


def test_examples_in_docstrings():
    results = doctest.testmod(names, extraglobs={"pa": pa})
    assert results.attempted > 0
    assert results.failed == 0
