from dataclasses import replace

import numpy as np
import pytest

from gnn.data import NEAR, to_hetero
from kg.errors import InputError


def pairs(graph, data, edge_type):
    """Return the edges of one type as pairs of ids."""
    src, dst = data[edge_type].edge_index.numpy()
    heads = graph.nodes[edge_type[0]].vocab.to_ids(src)
    tails = graph.nodes[edge_type[2]].vocab.to_ids(dst)
    return set(zip(heads, tails, strict=True))


def test_interactions_become_one_edge_type_per_domain(make_graph):
    graph = make_graph(
        [("ann", "emma"), ("ann", "heat"), ("bob", "heat"), ("bob", "dune")],
        {"emma": "books", "heat": "films", "dune": ["books", "films"]},
    )

    data = to_hetero(graph, {})

    assert set(data.edge_types) == {
        ("user", "likes:books", "item"),
        ("user", "likes:films", "item"),
    }
    books, films = (pairs(graph, data, ("user", f"likes:{d}", "item")) for d in graph.domains)
    assert books == {("ann", "emma"), ("bob", "dune")}
    assert films == {("ann", "heat"), ("bob", "heat"), ("bob", "dune")}


def test_no_reverse_is_stored(graph):
    data = to_hetero(graph, {})

    assert set(data.edge_types) == {
        ("user", "likes:books", "item"),
        ("user", "likes:films", "item"),
        ("item", "by", "person"),
    }
    assert ("p0", "b0") not in pairs(graph, data, ("item", "by", "person"))


def test_weights_go_with_their_edges(make_graph):
    graph = make_graph([("ann", "emma"), ("ann", "heat")], {"emma": "books", "heat": "films"})
    edges = graph.interaction_edges
    weight = np.array([2.0, 3.0], dtype=np.float32)
    graph = graph.with_edges({graph.interactions: replace(edges, weight=weight)})

    data = to_hetero(graph, {})

    assert data["user", "likes:books", "item"].edge_weight.tolist() == [2.0]
    assert data["user", "likes:films", "item"].edge_weight.tolist() == [3.0]


def test_channels_are_x_and_a_type_with_nothing_has_none(graph):
    text = np.eye(len(graph.items), dtype=np.float32)
    image = np.ones((len(graph.items), 3), dtype=np.float32)
    image.flags.writeable = False  # as features are

    data = to_hetero(graph, {"item": {"text": text, "image": image}, "person": {}})

    assert np.array_equal(data["item"].x["text"].numpy(), text)
    assert np.array_equal(data["item"].x["image"].numpy(), image)
    assert {kind: data[kind].num_nodes for kind in data.node_types} == {
        "user": 5,
        "item": 10,
        "person": 2,
    }
    assert "x" not in data["user"]
    assert "x" not in data["person"]


def test_nodes_without_text_that_hang_on_one_edge_are_left_out(make_graph):
    graph = make_graph(
        [("ann", "emma")],
        {"emma": "books", "heat": "films"},
        texts={"told": "a text"},
        entities={"person": ["shared", "lonely", "told"]},
        relations={
            ("item", "by", "person"): [
                ("emma", "shared"), ("heat", "shared"), ("emma", "lonely"), ("heat", "told"),
            ],
        },
    )  # fmt: skip

    data = to_hetero(graph, {})

    assert pairs(graph, data, ("item", "by", "person")) == {
        ("emma", "shared"),
        ("heat", "shared"),
        ("heat", "told"),
    }


def test_edges_of_both_directions_count_for_a_node(make_graph):
    graph = make_graph(
        [("ann", "emma")],
        {"emma": "books", "heat": "films"},
        entities={"person": ["austen"]},
        relations={
            ("item", "by", "person"): [("emma", "austen")],
            ("person", "in", "item"): [("austen", "heat")],
        },
    )

    data = to_hetero(graph, {})

    assert len(data["item", "by", "person"].edge_weight) == 1
    assert len(data["person", "in", "item"].edge_weight) == 1


def test_a_relation_of_dead_ends_alone_disappears(make_graph):
    graph = make_graph(
        [("ann", "emma")],
        {"emma": "books"},
        entities={"person": ["austen"]},
        relations={("item", "by", "person"): [("emma", "austen")]},
    )

    assert ("item", "by", "person") not in to_hetero(graph, {}).edge_types


def test_neighbours_become_edges_from_the_neighbour(graph):
    rows = np.full((len(graph.items), 2), -1)
    cosine = np.zeros((len(graph.items), 2), dtype=np.float32)
    rows[3], cosine[3] = [1, 2], [0.5, -0.5]
    rows[4], cosine[4] = [0, -1], [1.0, 0.0]

    edges = to_hetero(graph, {}, {NEAR: (rows, cosine)})["item", NEAR, "item"]

    assert edges.edge_index.T.tolist() == [[1, 3], [0, 4]]
    assert edges.edge_weight.tolist() == pytest.approx([0.5**4, 1.0])


@pytest.mark.parametrize("weight", [np.nan, np.inf, -1.0])
def test_a_weight_that_is_no_strength_is_one_line(make_graph, weight):
    graph = make_graph([("ann", "emma"), ("bob", "emma")], {"emma": "books"})
    weights = np.array([1.0, weight], dtype=np.float32)
    edges = replace(graph.interaction_edges, weight=weights)

    with pytest.raises(InputError, match="the weight of 'likes' of user 'bob' must be finite and"):
        to_hetero(graph.with_edges({graph.interactions: edges}), {})


def test_a_vector_that_is_not_finite_is_one_line(graph):
    vectors = np.ones((len(graph.items), 2), dtype=np.float32)
    vectors[3:5, 1] = np.nan

    with pytest.raises(InputError, match=r"text vector of item 'b3' \(and 1 more\) must be finite"):
        to_hetero(graph, {"item": {"text": vectors}})


@pytest.mark.parametrize(
    "taken",
    [("item", "near", "item"), ("item", "near_across", "item"), ("user", "likes:b", "item")],
)
def test_a_relation_named_like_one_of_our_own_is_one_line(make_graph, taken):
    graph = make_graph([("ann", "emma")], {"emma": "b"}, relations={taken: []})
    with pytest.raises(InputError, match=f"relation '{taken[1]}' from {taken[0]} to item .* own"):
        to_hetero(graph, {})


def test_a_relation_of_that_name_between_others_is_free(make_graph):
    near = ("user", "near", "user")
    graph = make_graph(
        [("ann", "emma"), ("bob", "emma")], {"emma": "b"}, relations={near: [("ann", "bob")]}
    )
    assert near in to_hetero(graph, {}).edge_types
