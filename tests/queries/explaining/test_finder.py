from dataclasses import replace

import numpy as np
import pytest

from kg.graph import Edges
from queries.explaining.finder import PathFinder
from queries.explaining.path import render, telling


@pytest.fixture
def finder(graph):
    return PathFinder(graph, np.ones((6, 2), dtype=np.float32))


def ids(path):
    return [node.id for node in path.nodes]


def paths_between(graph, finder, user, item, **options):
    rows = graph.users.vocab.index([user])[0], graph.items.vocab.index([item])[0]
    return finder.paths(int(rows[0]), int(rows[1]), **options)


def test_finds_every_path(graph, finder):
    paths = paths_between(graph, finder, "ada", "f1")
    assert sorted((path.kind, *ids(path)) for path in paths) == [
        ("direct", "ada", "b1", "f1"),
        ("entity", "ada", "b1", "fantasy", "f1"),
        ("entity", "ada", "b1", "tolkien", "f1"),
        ("entity", "ada", "b3", "fantasy", "f1"),
        ("people", "ada", "b1", "bob", "f1"),
    ]
    assert sum(path.share for path in paths) == pytest.approx(1)
    assert all(path.crosses for path in paths)


def test_shares_follow_the_degrees(graph, finder):
    share = {ids(path)[-2]: path.share for path in paths_between(graph, finder, "ada", "f1")}
    share.pop("fantasy")  # there are two of these
    first = 1 / np.sqrt(2 * 2)  # ada likes two, b1 is liked by two
    direct = first * 1.0  # film and book have one such edge each
    tolkien = first * 1.0 * 1.0
    people = first * (1 / np.sqrt(2 * 3)) * (1 / np.sqrt(3 * 1))
    assert share["b1"] / share["tolkien"] == pytest.approx(direct / tolkien)
    assert share["bob"] / share["tolkien"] == pytest.approx(people / tolkien)


def test_nearer_items_count_more(graph):
    z = np.ones((6, 2), dtype=np.float32)
    z[2] = [1, -1]  # b3 is at a right angle to everything: (1 + 0) / 2
    paths = paths_between(graph, PathFinder(graph, z), "ada", "f1")
    weight = {tuple(ids(path)[1:3]): path.share for path in paths}
    # b3 is liked by one person, b1 by two.
    assert weight["b3", "fantasy"] / weight["b1", "fantasy"] == pytest.approx(0.5 * np.sqrt(2))


def test_stronger_edges_count_more(graph):
    edges = graph.interaction_edges
    halved = np.where(edges.dst == 0, np.float32(2), np.float32(4))  # whoever likes b1: half
    weighted = Edges(src=edges.src, dst=edges.dst, weight=halved)
    z = np.ones((6, 2), dtype=np.float32)
    plain, strong = (
        {
            tuple(ids(path)): path.share
            for path in paths_between(graph, PathFinder(g, z), "ada", "f1")
        }
        for g in (graph, graph.with_edges({graph.interactions: weighted}))
    )
    tolkien, fantasy = ("ada", "b1", "tolkien", "f1"), ("ada", "b3", "fantasy", "f1")
    bob = ("ada", "b1", "bob", "f1")
    assert strong[tolkien] / strong[fantasy] == pytest.approx(plain[tolkien] / plain[fantasy] / 2)
    assert strong[bob] / strong[tolkien] == pytest.approx(plain[bob] / plain[tolkien] / 2)


def test_the_item_itself_and_the_user_are_no_explanation(graph, finder):
    paths = paths_between(graph, finder, "bob", "f1")
    assert paths
    assert all(ids(path)[1] != "f1" for path in paths)
    assert all("bob" not in ids(path)[1:] for path in paths)


def test_nobody_and_nothing_in_common(graph, finder):
    assert paths_between(graph, finder, "dan", "f1") == []
    assert paths_between(graph, finder, "cyd", "f3") == []
    assert telling([]) is None


def test_limit_is_for_each_kind(graph, finder):
    everything = paths_between(graph, finder, "ada", "f1")
    paths = paths_between(graph, finder, "ada", "f1", limit=1)
    assert sorted(path.kind for path in paths) == ["direct", "entity", "people"]
    assert all(path in everything for path in paths)
    assert sum(path.share for path in paths) < 1


def test_expansions_are_bounded(graph):
    finder = PathFinder(graph, np.ones((6, 2), dtype=np.float32), max_expansions=1)
    paths = paths_between(graph, finder, "ada", "f1")
    # Of two equally near items the one liked by fewer comes first, and is the only one followed.
    assert {ids(path)[1] for path in paths} == {"b3"}


def test_reads_as_a_line(graph, finder):
    lines = {tuple(ids(path)): render(path) for path in paths_between(graph, finder, "ada", "f1")}
    assert lines["ada", "b1", "tolkien", "f1"] == (
        'Ada likes "The Hobbit" (books) —author→ J. R. R. Tolkien '
        '←writer— "An Unexpected Journey" (films)'
    )
    assert lines["ada", "b1", "f1"] == (
        'Ada likes "The Hobbit" (books) ←based on— "An Unexpected Journey" (films)'
    )
    assert lines["ada", "b1", "bob", "f1"] == (
        'Ada likes "The Hobbit" (books) ←likes— Bob —likes→ "An Unexpected Journey" (films)'
    )


def test_content_is_told_before_people(graph, finder):
    paths = paths_between(graph, finder, "ada", "f1")
    people = [path for path in paths if path.kind == "people"]
    assert telling(people) == people[0]
    told = telling([*people, *paths])
    assert told is not None
    assert told.kind != "people"


def test_a_path_between_domains_is_told_before_one_within(graph, finder):
    paths = paths_between(graph, finder, "ada", "f1")
    assert telling(paths).crosses
    within = [replace(path, crosses=False, share=path.share + 1) for path in paths]
    assert telling([*within, *paths]) == telling(paths)
    assert telling(within) == next(path for path in within if path.kind != "people")


def test_equals_a_walk_over_dictionaries(graph, bundle):
    """Every pair of user and item, against nested loops over the edge lists."""
    finder = PathFinder(graph, bundle.z["item"])
    for user in range(len(graph.users)):
        for item in range(len(graph.items)):
            found = finder.paths(user, item, limit=1000)
            walked = _walk(graph, bundle.z["item"], user, item)
            assert len(found) == len(walked)
            total = sum(walked)
            np.testing.assert_allclose(
                [path.share for path in found],
                sorted((weight / total for weight in walked), reverse=True),
                rtol=1e-5,
            )


def _walk(graph, z, user, item):
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    links = {}  # node -> [(relation, node, weight)]
    for (src, relation, dst), edges in graph.edges.items():
        for s, d in zip(edges.src.tolist(), edges.dst.tolist(), strict=True):
            degrees = int((edges.src == s).sum()) * int((edges.dst == d).sum())
            links.setdefault((src, s), []).append((relation, (dst, d), degrees**-0.5))
            links.setdefault((dst, d), []).append((relation, (src, s), degrees**-0.5))
    weights = []
    for _, seed, first in links.get(("user", user), []):
        if seed[1] == item:
            continue
        first *= (1 + float(unit[seed[1]] @ unit[item])) / 2
        for _, middle, second in links[seed]:
            if middle == ("item", item):
                weights.append(first * second)
            if middle[0] == "item" or middle == ("user", user):
                continue
            weights += [
                first * second * third for _, end, third in links[middle] if end == ("item", item)
            ]
    return weights
