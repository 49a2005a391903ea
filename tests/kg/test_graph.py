from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from kg.errors import InputError
from kg.graph import Edges, Nodes
from kg.vocab import Vocab

ITEMS = {"b1": "books", "f1": "films", "x1": ("books", "films")}


@pytest.fixture
def graph(make_graph):
    return make_graph([("ann", "b1"), ("bob", "f1"), ("cyd", "x1")], ITEMS, texts={"b1": "Emma"})


def edges(src, dst, **columns):
    weight = np.ones(len(src), dtype=np.float32)
    return Edges(**{"src": np.array(src), "dst": np.array(dst), "weight": weight, **columns})


def test_masks_follow_domains_and_interactions(graph):
    assert graph.item_mask("books").tolist() == [True, False, True]
    assert graph.item_mask("books", "films").all()
    assert graph.user_mask("books").tolist() == [True, False, True]
    assert graph.user_mask("films").tolist() == [False, True, True]


def test_an_unknown_domain_names_the_nearest(graph):
    with pytest.raises(InputError, match="unknown domain 'boks', did you mean \"books\""):
        graph.item_mask("boks")


def test_nothing_can_be_changed_in_place(graph):
    with pytest.raises(ValueError, match="read-only"):
        graph.interaction_edges.weight[0] = 7
    with pytest.raises(ValueError, match="read-only"):
        graph.items.domains[0, 0] = False
    with pytest.raises(TypeError):
        graph.nodes["item"] = graph.users


@pytest.mark.parametrize(
    ("name", "bad", "message"),
    [
        (("user", "likes", "itm"), ([0], [0]), "unknown node type 'itm'"),
        (("user", "likes", "item"), ([0], [3]), "rows outside 'item'"),
        (("user", "likes", "item"), ([-1], [0]), "rows outside 'user'"),
    ],
)
def test_edges_must_fit_the_nodes(graph, name, bad, message):
    with pytest.raises(InputError, match=message):
        graph.with_edges({name: edges(*bad)})


def test_columns_must_have_one_length():
    with pytest.raises(InputError, match="edge columns have different lengths"):
        edges([0, 1], [0])
    empty = pa.array([], pa.string())
    with pytest.raises(InputError, match="columns of 'item' have different lengths"):
        Nodes(
            vocab=Vocab.from_values(["a"], "item"),
            title=empty,
            text=empty,
            domains=np.zeros((1, 1), dtype=np.bool_),
            attributes=pa.table({}),
        )


def test_interactions_must_be_an_edge_type(graph):
    with pytest.raises(InputError, match="the graph has no interactions"):
        replace(graph, interactions=("user", "buys", "item"))


def test_the_fingerprint_sees_ids_texts_edges_and_not_their_order(graph, make_graph):
    interactions = [("ann", "b1"), ("bob", "f1"), ("cyd", "x1")]
    assert (
        make_graph(interactions[::-1], ITEMS, texts={"b1": "Emma"}).fingerprint == graph.fingerprint
    )
    others = [
        make_graph(interactions, ITEMS, texts={"b1": "Dune"}),
        make_graph([*interactions[:2], ("cyd", "f1")], ITEMS, texts={"b1": "Emma"}),
        make_graph(interactions, {**ITEMS, "x1": "books"}, texts={"b1": "Emma"}),
    ]
    assert len({graph.fingerprint, *(other.fingerprint for other in others)}) == 4


def test_the_fingerprint_sees_attributes_and_not_how_they_lie(graph):
    def with_attributes(**columns):
        items = replace(graph.items, attributes=pa.table(columns))
        return replace(graph, nodes={**graph.nodes, "item": items}).fingerprint

    years = pa.array([1815, None, 1965])
    kinds = pa.array(["novel", "film", None])
    different = [
        graph.fingerprint,
        with_attributes(year=years),
        with_attributes(year=pa.array([1815, None, 1966])),
        with_attributes(published=years),
        with_attributes(year=years, kind=kinds),
        with_attributes(year=years, kind=pa.array([["novel"], ["film"], None])),
    ]
    assert len(set(different)) == len(different)
    assert with_attributes(it=pa.array([0.0, 1, 2])) == with_attributes(it=pa.array([-0.0, 1, 2]))
    chunks = pa.chunked_array([years[:1], years[1:]])
    assert with_attributes(kind=kinds, year=chunks) == with_attributes(year=years, kind=kinds)


@pytest.mark.parametrize(
    "values",
    [
        [0.5, None, -1.0],
        ["a", "", None],
        [True, None, False],
        [[0.5, 1.0], None, [2.0, 3.0]],
        [["a"], [], None],
    ],
)
def test_the_fingerprint_of_attributes_is_that_of_their_values(graph, values, tmp_path):
    def fingerprint(column):
        items = replace(graph.items, attributes=pa.table({"it": column}))
        return replace(graph, nodes={**graph.nodes, "item": items}).fingerprint

    column = pa.array(values)
    once = fingerprint(column)
    parquet.write_table(pa.table({"it": column}), tmp_path / "it.parquet")
    assert fingerprint(parquet.read_table(tmp_path / "it.parquet").column("it")) == once
    assert fingerprint(pa.chunked_array([column[:1], column[1:]])) == once
    padded = pa.concat_arrays([pa.array(values[:1]), column]).slice(1)
    assert fingerprint(padded) == once
    for other in ([values[2], *values[1:]], [values[0], values[2], values[1]]):
        assert fingerprint(pa.array(other)) != once


def test_taking_edges_keeps_columns_together():
    taken = edges([0, 1, 2], [3, 4, 5], time=np.array([7.0, 8.0, 9.0])).take(np.array([2, 0]))
    assert (taken.src.tolist(), taken.dst.tolist()) == ([2, 0], [5, 3])
    assert taken.time.tolist() == [9.0, 7.0]
