import dataclasses

import numpy as np
import pytest

from training.baselines.base import Task
from training.ranking import relations
from training.ranking.relations import Relations, joins

AUTHORS = {"b0": "p0", "b1": "p0", "b2": "p1", "f0": "p0", "f1": "p1", "f2": "p2"}


@pytest.fixture
def graph(make_graph):
    """An author of three items, one of two, one of one; and films based on books."""
    items = {item: "books" if item[0] == "b" else "films" for item in AUTHORS}
    return make_graph(
        [("ann", "b0"), ("ann", "f1"), ("bob", "b2")],
        items,
        entities={"person": ["p0", "p1", "p2"]},
        relations={
            ("item", "author", "person"): list(AUTHORS.items()),
            ("item", "based_on", "item"): [("f0", "b1"), ("f1", "b2"), ("b2", "f1"), ("f2", "f2")],
        },
    )


def matrix_of(join):
    return join.to(np.arange(len(join.itself)), np.eye(len(join.itself), dtype=np.float32))


def by_pairs(graph, join):
    matrix = matrix_of(join)
    names = graph.items.vocab.ids.to_pylist()
    rows, columns = matrix.nonzero()
    return {(names[i], names[j]): matrix[i, j] for i, j in zip(rows, columns, strict=True)}


def test_joins_by_hand(graph):
    found = {name: by_pairs(graph, join) for name, join in joins(graph)}

    third, half = pytest.approx(3**-0.5), pytest.approx(2**-0.5)
    pairs = {("b0", "b1"): third, ("b0", "f0"): third, ("b1", "f0"): third, ("b2", "f1"): half}
    assert found["same author"] == pairs | {(j, i): value for (i, j), value in pairs.items()}
    linked = [("f0", "b1"), ("f1", "b2")]
    assert found["based_on"] == dict.fromkeys([*linked, *((j, i) for i, j in linked)], 1)


def test_joins_are_symmetric_without_a_diagonal(random_split):
    found = list(joins(random_split("warm").train))
    assert [name for name, _ in found] == ["same author", "like"]  # most edges first
    for _, join in found:
        matrix = matrix_of(join)
        assert matrix.any()
        np.testing.assert_allclose(matrix, matrix.T, rtol=1e-6)
        assert not matrix.diagonal().any()


def test_an_item_tells_nothing_of_itself(make_graph):
    """Not even what rounding leaves: rows are scaled to deviation one."""
    draws = np.random.default_rng(0)
    items = [f"i{row:02d}" for row in range(40)]
    has = {(item, f"p{draws.integers(30)}") for item in items for _ in range(8)}
    graph = make_graph(
        [("ann", items[0])],
        dict.fromkeys(items, "books"),
        domains=("books",),
        entities={"person": [f"p{row}" for row in range(30)]},
        relations={("item", "author", "person"): sorted(has)},
    )
    join = dict(joins(graph))["same author"]
    rows = np.arange(40)

    for row in rows:
        given = np.zeros((40, 3), dtype=np.float32)
        given[row] = 1, 3e4, 1e-7
        assert not join.to(rows[[row]], given).any()
        assert (join.to(rows, given)[matrix_of(join)[row] > 0] > 0).all()


def test_direction_does_not_matter(graph):
    author = graph.edges[("item", "author", "person")]
    turned = dataclasses.replace(author, src=author.dst, dst=author.src)
    edges = {("person", "author", "item"): turned}
    edges |= {kind: some for kind, some in graph.edges.items() if kind[2] != "person"}
    other = dataclasses.replace(graph, edges=edges)

    one, two = dict(joins(graph)), dict(joins(other))

    assert set(one) == set(two)
    np.testing.assert_allclose(matrix_of(one["same author"]), matrix_of(two["same author"]))


def test_who_joins_too_many_is_left_out(graph, monkeypatch):
    monkeypatch.setattr(relations, "MAX_HUB", 2)
    found = dict(joins(graph))
    assert set(by_pairs(graph, found["same author"])) == {("b2", "f1"), ("f1", "b2")}


@pytest.mark.parametrize(("limit", "left"), [(3, 0), (4, 1), (12, 1), (13, 2)])
def test_pairs_stay_within_their_bound(graph, monkeypatch, limit, left):
    monkeypatch.setattr(relations, "MAX_PAIRS", limit)  # p1 takes 4 of them, p0 another 9
    names = [name for name, _ in joins(graph)]
    assert ("same author" in names) == (left > 0)
    useful = relations._useful(np.array([3, 2, 1]))
    assert np.array_equal(useful, [left > 1, left > 0, False])


def test_ties_at_the_bound(monkeypatch):
    monkeypatch.setattr(relations, "MAX_PAIRS", 30)
    assert relations._useful(np.array([3, 3, 3, 3, 3])).tolist() == [True] * 3 + [False] * 2


def test_the_largest_relations_are_taken(graph, monkeypatch):
    monkeypatch.setattr(relations, "MAX_RELATIONS", 1)
    assert [name for name, _ in joins(graph)] == ["same author"]


def test_one_relation_to_two_types_of_entities(graph, make_graph):
    """Neither hides the other."""
    extra = make_graph(
        [("ann", "b0")],
        dict.fromkeys(AUTHORS, "books"),
        domains=("books", "films"),
        entities={"group": ["g"]},
        relations={("item", "author", "group"): [("f1", "g"), ("f2", "g")]},
    )
    nodes = {**graph.nodes, "group": extra.nodes["group"]}
    edges = {**graph.edges, **{k: v for k, v in extra.edges.items() if k[2] == "group"}}
    both = dataclasses.replace(graph, nodes=nodes, edges=edges)

    found = list(joins(both))

    assert len({name for name, _ in found}) == len(found) == 3


def relations_called(graph, *names):
    """The graph with its relation between items once under each name, fewer edges each time."""
    based_on = ("item", "based_on", "item")
    edges = {kind: some for kind, some in graph.edges.items() if kind != based_on}
    for number, name in enumerate(names):
        kept = np.arange(len(graph.edges[based_on]) - number)
        edges["item", name, "item"] = graph.edges[based_on].take(kept)
    return dataclasses.replace(graph, edges=edges)


def test_names_of_other_relations_stay(graph):
    names = [name for name, _ in joins(relations_called(graph, "likes"))]
    assert names == ["same author", "likes"]


@pytest.mark.parametrize("name", ["text", "network", "popularity", "ridge", "few"])
def test_a_relation_named_like_a_signal(graph, name):
    """`few` has a signal `user-kNN, few`, which is a signal of another kind already."""
    names = [name for name, _ in joins(relations_called(graph, name))]
    assert names == ["same author", f"{name} (item to item)"]


def test_a_relation_named_like_a_signal_of_another_relation(graph):
    names = [name for name, _ in joins(relations_called(graph, "likes", "number of likes"))]
    assert names == ["same author", "likes", "number of likes (item to item)"]


@pytest.mark.parametrize("protocol", ["user-cold", "item-cold"])
def test_signals_by_definition(random_split, make_world, dense, protocol, said):
    split = random_split(protocol)
    world, history = make_world(split), dense(split)
    film = split.train.item_mask("films")
    own = history * ~film if protocol == "user-cold" else history
    profile = own * np.maximum(np.log(len(own) / (1 + own.sum(axis=0))), 0)
    profile /= np.maximum(np.linalg.norm(profile, axis=1, keepdims=True), 1e-12)
    users, items = np.arange(40)[::3], np.flatnonzero(film)[::-1]

    found = said(Relations(world, Task(split=split, item_features=world.text)), users, items)

    expected = {}
    for name, join in joins(split.train):
        matrix = matrix_of(join).astype(np.float64)
        degree = matrix.sum(axis=0)
        carry = matrix * world.warm[:, None] / np.sqrt(np.maximum(degree, 1e-9))
        expected[name] = history @ carry
        expected[f"user-kNN, {name}"] = profile @ profile.T @ (history * film) @ carry
        expected[f"number of {name}"] = np.tile(np.log1p(degree), (40, 1))
    assert set(found) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values[np.ix_(users, items)], atol=1e-4)
        assert found[name].any(), name


def test_a_graph_of_interactions_alone_has_no_such_signal(checkerboard_split, make_world, said):
    split = checkerboard_split()
    world = make_world(split)
    task = Task(split=split, item_features=world.text)
    assert said(Relations(world, task), np.arange(2), np.arange(3)) == {}
