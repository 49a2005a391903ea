import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.errors import ConfigError, InputError
from kg.linking.find import find_links, link_table
from kg.linking.rules import LinkRule
from kg.linking.sides import table_side

quick = settings(deadline=None, max_examples=25)

NAMES = ["Emma", "EMMA", "Emma (1996 film)", "Emma (novel)", "The Emma", "Dune", "Dune & Emma", ""]
rows = st.lists(st.tuples(st.integers(0, 20), st.sampled_from(NAMES)), max_size=12)


def side(kind, named, years=None):
    ids, names = zip(*named, strict=True) if named else ((), ())
    years = None if years is None else pa.array(years, pa.string())
    return table_side(
        kind, pa.array([str(i) for i in ids], pa.string()), pa.array(names, pa.string()), years
    )


def rule(**settings):
    return LinkRule(source="book", target="film", **settings)


def links(books, films, encode=None, **settings):
    own = rule(**settings)
    found = find_links(books, films, own, encode=encode)
    table = link_table(found, books, films, own).to_pylist()
    return [(row["source"], row["target"], row["method"], row["status"]) for row in table]


def test_exact_before_normalised():
    found = links(
        side("book", [(1, "Emma"), (2, "dune")]), side("film", [(7, "Emma"), (8, "Dune")])
    )
    assert found == [("1", "7", "exact", "linked"), ("2", "8", "normalised", "linked")]


def test_no_name_is_nobody_s_name():
    books, films = side("book", [(1, ""), (2, " ")]), side("film", [(7, ""), (8, " ")])
    assert links(books, films, methods=("exact", "normalised", "first_named")) == []


def test_the_surest_name_is_taken():
    films = side("film", [(7, "emma"), (8, "The Emma"), (9, "Emma!")])
    assert links(side("book", [(1, "EMMA")]), films) == [("1", "7", "normalised", "linked")]


def test_namesakes_are_listed_and_not_linked():
    films = side("film", [(7, "Emma"), (8, "Emma"), (9, "Dune")])
    found = links(side("book", [(1, "Emma"), (2, "Dune")]), films)
    assert found == [
        ("1", "7", "exact", "ambiguous"),
        ("1", "8", "exact", "ambiguous"),
        ("2", "9", "exact", "linked"),
    ]


def test_a_year_decides_between_namesakes():
    films = side("film", [(7, "Emma"), (8, "Emma"), (9, "Emma")], ["1972", "1996-08-02", ""])
    books = side("book", [(1, "Emma")], ["1997"])
    assert links(books, films, methods=("normalised",)) == [("1", "8", "normalised", "linked")]
    assert links(books, films, year_within=0) == [("1", "9", "exact", "linked")]


def test_a_year_may_stand_in_brackets():
    books = side("book", [(1, "Emma (1996)"), (2, "Dune (1984)")])
    films = side("film", [(7, "Emma (1972 film)"), (8, "Emma (1996 film)"), (9, "Dune (2021)")])
    assert links(books, films) == [("1", "8", "normalised", "linked")]


def test_different_brackets_are_different_things():
    assert links(side("book", [(1, "Emma (UK)")]), side("film", [(7, "Emma (US)")])) == []
    found = links(side("book", [(1, "Emma")]), side("film", [(7, "Emma (US)")]))
    assert found == [("1", "7", "normalised", "linked")]


def test_initials_may_be_missing_and_not_differ():
    films = side("film", [(7, "Ann Lee"), (8, "Bob B. Ray (poet)")])
    books = side("book", [(1, "Ann M. Lee"), (2, "Bob A. Ray"), (3, "Bob Ray")])
    found = links(books, films)
    assert found == [("1", "7", "normalised", "linked"), ("3", "8", "normalised", "linked")]


def test_the_first_named_of_several():
    films = side("film", [(7, "Ann Lee"), (8, "Bob")])
    books = side("book", [(1, "Ann Lee feat. Bob"), (2, "Bob & Ann Lee"), (3, "Ann Lee, Bob")])
    found = links(books, films, methods=("exact", "first_named"), one_to_one=False)
    assert found == [("1", "7", "first_named", "linked"), ("3", "7", "first_named", "linked")]


def test_one_to_one_keeps_the_surer():
    books = side("book", [(1, "Emma"), (2, "emma")])
    films = side("film", [(7, "Emma")])
    assert links(books, films) == [
        ("1", "7", "exact", "linked"),
        ("2", "7", "normalised", "target taken"),
    ]
    statuses = [row[3] for row in links(books, films, one_to_one=False)]
    assert statuses == ["linked", "linked"]


def test_a_side_with_itself_links_each_pair_once():
    books = side("book", [(1, "Emma"), (2, "emma"), (3, "Dune"), (4, "Dune"), (5, "Dune")])
    assert links(books, books) == [
        ("1", "2", "normalised", "linked"),
        ("3", "4", "exact", "ambiguous"),
        ("3", "5", "exact", "ambiguous"),
        ("4", "5", "exact", "ambiguous"),
    ]


def test_within_a_side_both_must_be_the_best_of_the_other():
    books = side("book", [(1, "The Dune"), (2, "Dune"), (2, "Emma"), (3, "Emma")])
    assert links(books, books, methods=("normalised",), one_to_one=False) == [
        ("1", "2", "normalised", "ambiguous"),
        ("2", "3", "normalised", "linked"),
    ]


def test_a_node_may_have_several_names():
    films = side("film", [(7, "Emma"), (7, "Emma Woodhouse")])
    found = links(side("book", [(1, "Emma Woodhouse")]), films)
    assert found == [("1", "7", "exact", "linked")]


def vectors(found):
    return lambda encoder, texts: np.array([found[text] for text in texts], dtype=np.float32)


VECTORS = {"one": [1, 0], "near": [0.99, 0.1], "far": [0, 1], "nearer": [0.999, 0.02], "": [0, 0]}


def test_the_nearest_above_a_threshold():
    books, films = side("book", [(1, "one"), (2, "")]), side("film", [(7, "near"), (8, "far")])
    settings = {"methods": ("nearest",), "encode": vectors(VECTORS)}
    assert links(books, films, **settings) == [("1", "7", "nearest", "linked")]
    assert links(books, films, threshold=0.999, **settings) == []


def test_two_that_are_as_near_are_ambiguous():
    books, films = side("book", [(1, "one")]), side("film", [(7, "near"), (8, "nearer")])
    settings = {"methods": ("nearest",), "encode": vectors(VECTORS)}
    assert [row[3] for row in links(books, films, **settings)] == ["ambiguous"] * 2
    assert links(books, films, margin=0, **settings) == [("1", "8", "nearest", "linked")]


def test_nobody_is_his_own_neighbour():
    books = side("book", [(1, "one"), (2, "near"), (3, "far")])
    settings = {"methods": ("nearest",), "encode": vectors(VECTORS)}
    assert links(books, books, **settings) == [("1", "2", "nearest", "linked")]


def test_vectors_need_an_encoder_that_gives_numbers():
    books, films = side("book", [(1, "one")]), side("film", [(7, "near")])
    with pytest.raises(ConfigError, match="needs an encoder"):
        links(books, films, methods=("nearest",))
    with pytest.raises(InputError, match="not finite"):
        links(books, films, methods=("nearest",), encode=lambda *_: np.full((2, 2), np.nan))


@quick
@given(rows, rows)
def test_one_to_one_is_injective(books, films):
    methods = ("exact", "normalised", "first_named")
    found = links(side("book", books), side("film", films), methods=methods)
    linked = [row[:2] for row in found if row[3] == "linked"]
    assert len({book for book, _ in linked}) == len(linked)
    assert len({film for _, film in linked}) == len(linked)


@quick
@given(rows, rows, st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(books, films, one_to_one, random):
    methods = ("exact", "normalised", "first_named")
    settings = {"methods": methods, "one_to_one": one_to_one}
    other_books, other_films = random.sample(books, len(books)), random.sample(films, len(films))
    found = links(side("book", books), side("film", films), **settings)
    assert links(side("book", other_books), side("film", other_films), **settings) == found


@quick
@given(rows, rows)
def test_an_ambiguous_node_is_linked_to_nobody(books, films):
    found = links(side("book", books), side("film", films))
    linked = {row[0] for row in found if row[3] == "linked"}
    assert not linked & {row[0] for row in found if row[3] == "ambiguous"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"methods": ()}, "at least one"),
        ({"pairs": ("a.csv",)}, 'add "pairs" to methods'),
        ({"methods": ("reviewed",)}, "set reviewed"),
        ({"threshold": 0.0}, "threshold"),
        ({"margin": 1.0}, "margin"),
        ({"max_cluster": 1}, "max_cluster"),
        ({"year_within": -1}, "year_within"),
        ({"target": "book", "methods": ("first_named",)}, "two sides"),
    ],
)
def test_settings_that_cannot_be_meant(settings, message):
    with pytest.raises(ValueError, match=message):
        LinkRule(**{"source": "book", "target": "film", **settings})
