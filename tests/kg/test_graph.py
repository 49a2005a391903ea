from dataclasses import replace

import numpy as np
import pyarrow as pa
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


def test_taking_edges_keeps_columns_together():
    taken = edges([0, 1, 2], [3, 4, 5], time=np.array([7.0, 8.0, 9.0])).take(np.array([2, 0]))
    assert (taken.src.tolist(), taken.dst.tolist()) == ([2, 0], [5, 3])
    assert taken.time.tolist() == [9.0, 7.0]
