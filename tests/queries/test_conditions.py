from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from kg.errors import InputError
from queries.conditions import Conditions

YEARS = {"b1": 1937, "b2": 1815, "b3": 1965, "f1": 2012, "f2": 1995, "f3": 2021}


@pytest.fixture
def described(graph):
    """The items have attributes: a year, which Emma lacks, brands, tags and a day."""
    ids = graph.items.vocab.ids.to_pylist()
    attributes = pa.table(
        {
            "year": pa.array([None if i == "b2" else YEARS[i] for i in ids], pa.int64()),
            "brand": ["Lego", "Duplo", "Lego, Inc.", "Brio", None, "Lego"],
            "tags": pa.array(
                [["ring", "war"], [], ["war"], None, ["ring"], ["sand"]], pa.list_(pa.string())
            ),
            "sizes": pa.array([[1.5, 2], [], [3], None, [2], []], pa.list_(pa.float64())),
            "day": ["1937-09-21", None, "1965-08-01", "2012-11-28", "1995-07-19", "2021-09-03"],
        }
    )
    items = replace(graph.items, attributes=attributes)
    return replace(graph, nodes={**graph.nodes, "item": items})


@pytest.mark.parametrize(
    ("conditions", "items"),
    [
        (["year>=1990"], "f1 f2 f3"),
        (["year > 1937", "year<=1995"], "b3 f2"),
        (["year=1937, 1965"], "b1 b3"),
        (["year==1995.0"], "f2"),
        (["year!=1995"], "b1 b2 b3 f1 f3"),
        (["brand=Lego"], "b1 f3"),
        (["brand=Lego,Duplo"], "b1 b2 f3"),
        (["brand=Lego, Inc."], "b3"),
        (['brand="Lego, Inc.",Brio'], "b3 f1"),
        (["brand!=Lego"], "b2 b3 f1 f2"),
        (["tags=war"], "b1 b3"),
        (["tags=ring,sand"], "b1 f2 f3"),
        (["sizes>=2"], "b1 b3 f2"),
        (["day>=2000"], "f1 f3"),
        (["day<1965-08-02"], "b1 b3"),
        (["author=tolkien"], "b1"),
        (["author=J. R. R. Tolkien"], "b1"),
        (["author=herbert,tolkien"], "b1 b3"),
        (["author!=tolkien"], "b2 b3 f1 f2 f3"),
        (["writer=herbert"], "f3"),
        (["genre=fantasy", "year>1950"], "b3 f1"),
        (["based_on=Emma"], "f2"),
        ([], "b1 b2 b3 f1 f2 f3"),
    ],
)
def test_what_meets_conditions(described, conditions, items):
    mask = Conditions(described).mask(conditions)
    assert described.items.vocab.to_ids(np.flatnonzero(mask)) == items.split()


def test_a_relation_between_items_goes_both_ways(described):
    mask = Conditions(described).mask(["based_on=f2"])
    assert described.items.vocab.to_ids(np.flatnonzero(mask)) == ["b2"]


def test_edges_that_point_at_items_are_relations_too(make_graph):
    graph = make_graph(
        [("ann", "emma")],
        {"emma": "books", "carrie": "books"},
        entities={"person": ["austen"]},
        relations={("person", "wrote", "item"): [("austen", "emma")]},
    )
    mask = Conditions(graph).mask(["wrote=austen"])
    assert graph.items.vocab.to_ids(np.flatnonzero(mask)) == ["emma"]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("yaer>=1990", "no attribute or relation 'yaer', did you mean \"year\""),
        ("autor=tolkien", "no attribute or relation 'autor', did you mean \"author\""),
        ("likes=ada", "no attribute or relation 'likes'"),  # what is predicted is no condition
        ("year>=soon", "attribute 'year' holds numbers: 'soon' is none"),
        ("year=nan", "attribute 'year' holds numbers: 'nan' is none"),
        ("brand>Lego", "attribute 'brand' holds text: compare it with =, !="),
        ("brand=Leggo", "no item has brand = 'Leggo', did you mean \"Lego\""),
        ("author=tolkein", "author: no node has the id or title 'tolkein', did you mean"),
        ("author=x", "author: no node has the id or title 'x'"),
        ("author>tolkien", "'author' is a relation: compare it with = or !=, not with >"),
        ("year", "expected a name, a sign and a value"),
        ("year>=", "expected a name, a sign and a value"),
        (">=1990", "expected a name, a sign and a value"),
        ("", "expected a name, a sign and a value"),
        ("=", "expected a name, a sign and a value"),
        ("brand=,,", "',,' is no list of values: it names none"),
        ("brand=" + "x" * 10**6, "is no list of values: field larger than"),
        ("\x1b[2J=1", r"attribute or relation '\\x1b\[2J'"),
        (" " * 10**6, "1,000,000 characters"),
    ],
)
def test_bad_conditions(described, condition, message):
    with pytest.raises(InputError, match=message) as caught:
        Conditions(described).mask([condition])
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_names_are_listed_where_there_are_none(make_graph):
    graph = make_graph([("ann", "emma")], {"emma": "books"})
    with pytest.raises(InputError, match=r"\(known: none\)"):
        Conditions(graph).mask(["year=1"])


def test_a_mask_that_is_changed_does_not_change_the_next(described):
    conditions = Conditions(described)
    conditions.mask(["year>=1990"])[:] = False
    assert conditions.mask(["year>=1990"]).sum() == 3
