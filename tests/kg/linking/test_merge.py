import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.errors import InputError
from kg.graph import Edges, KnowledgeGraph, Nodes
from kg.linking.merge import Numbering, distinct_edges, merge_nodes
from kg.vocab import Vocab

quick = settings(deadline=None, max_examples=25)
DOMAINS = ("books", "films")


def nodes(kind, ids, title=None, text=None, domains=None, **attributes):
    size = len(ids)
    return Nodes(
        vocab=Vocab(pa.array(ids, pa.string()), kind),
        title=pa.array(title or [""] * size, pa.string()),
        text=pa.array(text or [""] * size, pa.string()),
        domains=np.array(domains or [[False, False]] * size, dtype=np.bool_).reshape(size, 2),
        attributes=pa.table(attributes),
    )


def edges(pairs, weight=None, time=None):
    src, dst = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    weight = np.ones(len(src)) if weight is None else weight
    return Edges(
        src=src.copy(),
        dst=dst.copy(),
        weight=np.array(weight, dtype=np.float32),
        time=None if time is None else np.array(time, dtype=np.float64),
    )


@pytest.fixture
def graph():
    """Users, items b1 (books), f1 (films) and entities e1 to e3; e1 tells about b1, e2 about f1."""
    return KnowledgeGraph(
        domains=DOMAINS,
        nodes={
            "user": nodes("user", ["ann", "bob"]),
            "item": nodes(
                "item",
                ["b1", "f1"],
                title=["Emma", ""],
                domains=[[True, False], [False, True]],
                year=pa.array([1815.0, None]),
            ),
            "entity": nodes(
                "entity",
                ["e1", "e2", "e3"],
                title=["Emma!", "Clueless", "Jane"],
                text=["A novel", "", ""],
                year=pa.array([1.0, 1995.0, None]),
                place=pa.array(["Bath", None, None]),
            ),
        },
        edges={
            ("user", "interacts", "item"): edges([(0, 0), (0, 1), (1, 0)], [1, 2, 3], [5, 6, 7]),
            ("entity", "by", "entity"): edges([(0, 2), (1, 2)]),
            ("entity", "sameAs", "item"): edges([(0, 0)]),
        },
        interactions=("user", "interacts", "item"),
    )


def merged(graph, pairs, order=("user", "item", "entity")):
    numbers = Numbering.of(graph)
    becomes = np.arange(numbers.total)

    def number(kind, node_id):
        return numbers.start[kind] + graph.nodes[kind].vocab.lookup([node_id])[0]

    for gone, stays in pairs:
        becomes[number(*gone)] = number(*stays)
    return merge_nodes(graph, becomes, numbers.priority(order))


def test_a_node_keeps_what_it_says_and_is_filled(graph):
    found = merged(graph, [(("entity", "e1"), ("item", "b1")), (("entity", "e2"), ("item", "f1"))])
    items = found.items
    assert items.vocab.ids.to_pylist() == ["b1", "f1"]
    assert items.title.to_pylist() == ["Emma", "Clueless"]
    assert items.text.to_pylist() == ["A novel", ""]
    assert items.attributes.to_pydict() == {"place": ["Bath", None], "year": [1815.0, 1995.0]}
    assert found.nodes["entity"].vocab.ids.to_pylist() == ["e3"]


def test_edges_follow_their_nodes(graph):
    found = merged(graph, [(("entity", "e1"), ("item", "b1"))])
    assert set(found.edges) == {
        ("user", "interacts", "item"),
        ("item", "by", "entity"),
        ("entity", "by", "entity"),
    }
    by = found.edges["item", "by", "entity"]
    assert (by.src.tolist(), by.dst.tolist()) == ([0], [1])
    assert found.nodes["entity"].vocab.ids.to_pylist() == ["e2", "e3"]


def test_edges_that_become_one_keep_weight_and_time(graph):
    found = merged(graph, [(("item", "f1"), ("item", "b1"))])
    both = found.interaction_edges
    assert list(zip(both.src, both.dst, both.weight, both.time, strict=True)) == [
        (0, 0, 2, 6),
        (1, 0, 3, 7),
    ]


def test_domains_are_those_of_both_and_reach_the_users(graph):
    found = merged(graph, [(("item", "f1"), ("item", "b1"))])
    assert found.items.domains.tolist() == [[True, True]]
    assert found.users.domains.tolist() == [[True, True], [True, True]]


def test_attributes_of_different_types_become_strings(graph):
    table = pa.table({"year": pa.array(["about 1815", None, None])})
    entity = graph.nodes["entity"]
    entity = Nodes(
        vocab=entity.vocab,
        title=entity.title,
        text=entity.text,
        domains=entity.domains.copy(),
        attributes=table,
    )
    other = KnowledgeGraph(
        domains=DOMAINS,
        nodes={**graph.nodes, "entity": entity},
        edges=graph.edges,
        interactions=graph.interactions,
    )
    found = merged(other, [(("entity", "e1"), ("item", "f1"))])
    assert found.items.attributes["year"].to_pylist() == ["1815", "about 1815"]


def test_times_and_no_times_do_not_mix():
    timed, untimed = edges([(0, 1)], time=[3]), edges([(1, 2)])
    with pytest.raises(InputError, match="some with times and some without"):
        distinct_edges([timed, untimed], ("a", "r", "b"))
    assert len(distinct_edges([timed, edges([])], ("a", "r", "b"))) == 1


@quick
@given(st.lists(st.integers(0, 6), min_size=7, max_size=7))
def test_merging_loses_no_id_and_no_edge_between_different_nodes(parents):
    pairs = [(i, j) for i in range(7) for j in range(7)]
    start = KnowledgeGraph(
        domains=(),
        nodes={
            "user": nodes("user", ["u"]),
            "item": Nodes(
                vocab=Vocab(pa.array([str(i) for i in range(7)]), "item"),
                title=pa.array([""] * 7),
                text=pa.array([""] * 7),
                domains=np.zeros((7, 0), dtype=np.bool_),
                attributes=pa.table({}),
            ),
        }
        | {
            "user": Nodes(
                vocab=Vocab(pa.array(["u"]), "user"),
                title=pa.array([""]),
                text=pa.array([""]),
                domains=np.zeros((1, 0), dtype=np.bool_),
                attributes=pa.table({}),
            )
        },
        edges={
            ("user", "interacts", "item"): edges([(0, i) for i in range(7)]),
            ("item", "like", "item"): edges(pairs),
        },
        interactions=("user", "interacts", "item"),
    )
    # each becomes the least of a group
    becomes = np.array([min(j for j in range(7) if parents[j] == parents[i]) for i in range(7)])
    found = merge_nodes(start, np.r_[becomes, 7], np.arange(8))
    left = sorted(set(becomes.tolist()))
    assert found.items.vocab.ids.to_pylist() == [str(i) for i in left]
    like = found.edges["item", "like", "item"]
    ids = found.items.vocab.to_ids
    expected = {(str(a), str(b)) for a in left for b in left}  # loops were there before
    assert set(zip(ids(like.src), ids(like.dst), strict=True)) == expected
