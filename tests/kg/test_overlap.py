import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from kg.errors import InputError
from kg.overlap import half_id, split_halves, split_users

ITEMS = {"emma": "books", "heat": "films", "jaws": "films", "dune": ("books", "films")}
LIKES = [
    ("ann", "emma"), ("ann", "heat"), ("ann", "dune"), ("bob", "emma"), ("bob", "jaws"),
    ("cyd", "jaws"),
]  # fmt: skip


@pytest.fixture
def graph(make_graph):
    """Ann and Bob know both domains; Ann has a text, an age, a friend and a home."""
    graph = make_graph(
        LIKES,
        ITEMS,
        times=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        texts={"ann": "reads a lot"},
        entities={"town": ["rome"]},
        relations={
            ("user", "knows", "user"): [("bob", "ann"), ("ann", "cyd")],
            ("user", "lives_in", "town"): [("ann", "rome")],
            ("town", "home_of", "user"): [("rome", "bob")],
        },
    )
    users = dataclasses.replace(graph.users, attributes=pa.table({"age": [30, 40, 50]}))
    return dataclasses.replace(graph, nodes={**graph.nodes, "user": users})


def named(graph, edge_type):
    edges = graph.edges[edge_type]
    src, dst = graph.nodes[edge_type[0]].vocab, graph.nodes[edge_type[2]].vocab
    return list(zip(src.to_ids(edges.src), dst.to_ids(edges.dst), strict=True))


def test_the_second_person_takes_the_interactions_of_the_domain_and_nothing_more(graph):
    apart = split_users(graph, "films", graph.users.vocab.index(["ann"]))

    users = apart.users
    assert users.vocab.ids.to_pylist() == ["ann", "ann@films", "bob", "cyd"]
    assert sorted(named(apart, graph.interactions)) == [
        ("ann", "emma"), ("ann@films", "dune"), ("ann@films", "heat"), ("bob", "emma"),
        ("bob", "jaws"), ("cyd", "jaws"),
    ]  # fmt: skip
    assert users.text.to_pylist() == ["reads a lot", "", "", ""]
    assert users.attributes["age"].to_pylist() == [30, None, 40, 50]
    assert named(apart, ("user", "knows", "user")) == [("bob", "ann"), ("ann", "cyd")]
    assert named(apart, ("user", "lives_in", "town")) == [("ann", "rome")]
    assert named(apart, ("town", "home_of", "user")) == [("rome", "bob")]


def test_domains_follow_from_the_interactions_that_each_person_has(graph):
    apart = split_users(graph, "films", graph.users.vocab.index(["ann", "bob"]))

    found = dict(zip(apart.users.vocab.ids.to_pylist(), apart.users.domains.tolist(), strict=True))
    assert found == {
        "ann": [True, False],
        "ann@films": [True, True],  # dune is a book too
        "bob": [True, False],
        "bob@films": [False, True],
        "cyd": [False, True],
    }


def test_interactions_stay_what_they_were_but_for_the_user(graph):
    apart = split_users(graph, "films", np.arange(3))

    before, after = graph.interaction_edges, apart.interaction_edges
    for column in ("dst", "weight", "time"):
        assert np.array_equal(getattr(before, column), getattr(after, column))
    assert not apart.user_mask("films")[apart.users.vocab.index(["ann", "bob", "cyd"])].any()
    assert apart.fingerprint != graph.fingerprint


def test_halves_are_found_again(graph):
    apart = split_users(graph, "films", graph.users.vocab.index(["ann"]))

    assert apart.users.vocab.to_ids(split_halves(apart, "films")) == ["ann"]
    assert not len(split_halves(apart, "books"))
    assert half_id("ann", "films") == "ann@films"


def test_nobody_to_split(graph):
    same = split_users(graph, "films", np.zeros(0, dtype=np.int64))

    assert same.fingerprint == graph.fingerprint


def test_an_id_that_is_taken_is_refused(make_graph):
    graph = make_graph([("ann", "emma"), ("ann@films", "heat"), ("bob", "heat")], ITEMS)

    with pytest.raises(InputError, match="'ann@films' is in the graph already"):
        split_users(graph, "films", graph.users.vocab.index(["bob"]))
