"""Newcomers change nothing that was there, in whatever portions they come."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from kg.errors import ArtefactError, InputError
from queries.newcomers import Newcomers, extend
from queries.newcomers.tables import NODES
from queries.recommender import Recommender


def edges(*rows):
    found = Newcomers.likes([]).edges
    names = ("relation", "src", "dst")
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], found.schema)


def item(name, text="dark robot war", domains=("films",)):
    return Newcomers.item(name, text, domains, node_type="item")


def author():
    nodes = pa.Table.from_pylist([{"type": "person", "id": "new-author"}], NODES)
    return Newcomers(nodes=nodes, edges=edges(("author", "film-04", "new-author")))


def joined_item():
    new = item("film-new")
    return Newcomers(
        nodes=new.nodes,
        edges=edges(
            ("author", "film-new", "person-1"),
            ("author", "film-new", "new-author"),
            ("like", "film-new", "book-03"),
            ("interacts", "user-05", "film-new"),
        ),
    )


def person():
    return Newcomers.likes(["film-new", "book-01", "film-04"], "ann")


def scores_of(opened, num_users, num_items):
    scorer = opened.bundle.ranking_scorer(opened.split)
    items = np.flatnonzero(opened.graph.item_mask("films"))
    return scorer.score(np.arange(num_users), items[items < num_items])


@pytest.fixture(params=[("user-cold", "light"), ("item-cold", "rgcn"), ("warm", "light")])
def opened(request, opened_run):
    return opened_run(*request.param)


def test_nothing_that_was_there_changes(opened):
    larger = extend(opened, author() + joined_item() + person() + item("film-other", "sea love"))
    users, items = len(opened.graph.users), len(opened.graph.items)
    for kind, z in opened.bundle.z.items():
        assert np.array_equal(larger.bundle.z[kind][: len(z)], z)
    assert np.array_equal(larger.bundle.item_bias[:items], opened.bundle.item_bias)
    assert np.array_equal(scores_of(larger, users, items), scores_of(opened, users, items))
    everybody = np.flatnonzero(larger.graph.item_mask("films"))
    scorer = larger.bundle.ranking_scorer(larger.split)
    found = scorer.score(np.arange(users), everybody)
    assert np.array_equal(found[:, everybody < items], scores_of(opened, users, items))

    old, new = (Recommender(o.graph, o.bundle, split=o.split) for o in (opened, larger))
    ids = opened.graph.users.vocab.to_ids(np.arange(8))
    for domain in ("books", "films"):
        expected = old.recommend(ids, domain=domain, k=50)
        found = new.recommend(ids, domain=domain, k=50)
        for row in range(8):
            known = {i: s for i, s in zip(expected[0][row], expected[1][row], strict=True) if i}
            there = dict(zip(found[0][row], found[1][row], strict=True))
            assert {i: there[i] for i in known} == known
    assert "film-new" in new.recommend("user-01", domain="films", k=50)[0]


def test_several_portions_are_one(opened):
    parts = [author(), joined_item(), person()]
    one = extend(opened, parts[0] + parts[1] + parts[2])
    several = opened
    for part in parts:
        several = extend(several, part)
    assert list(several.graph.items.vocab.ids) == list(one.graph.items.vocab.ids)
    for kind, z in one.bundle.z.items():
        np.testing.assert_allclose(several.bundle.z[kind], z, atol=1e-6)
    users, films = np.array([0, 7, len(opened.graph.users)]), one.graph.item_mask("films")
    found, expected = (
        o.bundle.ranking_scorer(o.split).score(users, np.flatnonzero(films)) for o in (several, one)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_people_do_not_count_for_each_other(opened):
    alone = extend(opened, Newcomers.likes(["book-01", "film-04"], "ann"))
    crowd = {"ann": ["book-01", "film-04"], **{f"p{n}": ["book-01"] for n in range(30)}}
    together = extend(opened, Newcomers.people(crowd))
    row = len(opened.graph.users)
    assert np.abs(alone.bundle.z["user"][row]).max() > 0
    np.testing.assert_allclose(
        together.bundle.z["user"][row], alone.bundle.z["user"][row], atol=1e-6
    )
    items = np.arange(18, 36)
    found, expected = (
        o.bundle.ranking_scorer(o.split).score(np.array([row]), items) for o in (together, alone)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_a_new_node_hears_new_ones_that_stand_below_it(opened):
    base = extend(opened, author() + joined_item())
    without = Newcomers(nodes=joined_item().nodes, edges=joined_item().edges.slice(0, 1))
    other = extend(opened, without)
    row = len(opened.graph.items)
    assert np.abs(base.bundle.z["item"][row] - other.bundle.z["item"][row]).max() > 1e-4
    row = len(opened.graph.users)
    fan = extend(base, Newcomers.likes(["film-new"], "ann"))
    assert np.abs(fan.bundle.z["user"][row]).max() > 1e-4


def test_what_a_new_user_used_is_seen(opened):
    recommender = Recommender(opened.graph, opened.bundle, split=opened.split)
    recommender.opened = opened
    larger = recommender.with_newcomers(item("film-new")).with_newcomers(person())
    ids = larger.recommend("ann", domain="films", k=50)[0].tolist()
    assert not {"film-new", "film-04"} & set(ids)
    assert len(ids) == 17  # of 19
    assert larger.graph.users.domains[-1].all()
    assert not recommender.graph.users.vocab.lookup(["ann"])[0] >= 0


@pytest.mark.parametrize("protocol", ["user-cold", "item-cold"])
def test_a_text_is_a_taste(opened_run, protocol):
    opened = opened_run(protocol)
    larger = extend(opened, Newcomers.text("dark comedy war love"))
    assert len(larger.graph.interaction_edges) == len(opened.graph.interaction_edges)
    row = np.array([len(opened.graph.users)])
    liked = np.flatnonzero(larger.bundle.tastes.toarray()[0])
    warm = np.unique(opened.split.train.interaction_edges.dst)
    assert set(liked) <= set(warm)
    assert len(liked) == 10
    names = opened.graph.items.vocab.to_ids(liked)
    same = extend(opened, Newcomers.likes(names, "fan"))
    items = np.arange(18, 36)
    found, expected = (o.bundle.ranking_scorer(o.split).signals(row, items) for o in (larger, same))
    for name in found:
        if name != "network":  # in which near items count more
            np.testing.assert_allclose(found[name], expected[name], atol=1e-4, err_msg=name)
    assert np.abs(larger.bundle.z["user"][row]).max() > 0


def test_models_without_what_it_takes_say_so(opened_run):
    opened = opened_run("user-cold")
    bare = replace(opened, bundle=replace(opened.bundle, weights={}))
    with pytest.raises(InputError, match="weights and settings"):
        extend(bare, Newcomers.likes(["book-01"]))
    nowhere = replace(opened, run=None)
    with pytest.raises(ArtefactError, match="features/"):
        extend(nowhere, Newcomers.likes(["book-01"]))
    assert extend(opened, Newcomers.people({})) is opened
