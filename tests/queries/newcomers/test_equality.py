"""A newcomer gets what the network and the second stage give a node in its position."""

import numpy as np
import pytest

from queries.newcomers import Newcomers, extend
from queries.newcomers.tables import EDGES, NODES
from queries.recommender import Recommender
from training.ranking.weighing import dense

CASES = [
    ("user-cold", "light"),
    ("user-cold", "hgt"),
    ("item-cold", "light"),
    ("item-cold", "rgcn"),
    ("warm", "light"),
    pytest.param(("user-cold", "sage"), marks=pytest.mark.slow),
    pytest.param(("item-cold", "gat"), marks=pytest.mark.slow),
    pytest.param(("item-cold", "lightgcn"), marks=pytest.mark.slow),
]


@pytest.fixture(params=CASES, ids=lambda case: "-".join(case))
def opened(request, opened_run):
    return opened_run(*request.param)


def user_twins(opened, users):
    """Newcomers who did what users did; weights too."""
    train = opened.split.train
    edges = train.interaction_edges
    at = np.isin(edges.src, users)
    ids, items = train.users.vocab, train.items.vocab
    nodes = [{"id": f"twin-{name}"} for name in ids.to_ids(users)]
    rows = [
        {"src": f"twin-{ids.id(int(src))}", "dst": items.id(int(dst)), "weight": float(weight)}
        for src, dst, weight in zip(edges.src[at], edges.dst[at], edges.weight[at], strict=True)
    ]
    return Newcomers(nodes=table(NODES, nodes), edges=table(EDGES, rows))


def item_twins(opened, items):
    """New items that say what cold items say, with the same author, domain, year and links."""
    train = opened.split.train
    nodes, rows = [], []
    for item in items.tolist():
        name = train.items.vocab.id(item)
        nodes.append(
            {
                "type": "item",
                "id": f"twin-{name}",
                "title": train.items.title[item].as_py(),
                "text": train.items.text[item].as_py(),
                "domains": ["films" if name.startswith("film") else "books"],
                "attribute.year": train.items.attributes["year"][item].as_py(),
            }
        )
        for (src, relation, dst), edges in train.edges.items():
            for at in np.flatnonzero((edges.src == item) if src == "item" else []):
                other = train.nodes[dst].vocab.id(int(edges.dst[at]))
                rows.append({"relation": relation, "src": f"twin-{name}", "dst": other})
            for at in np.flatnonzero((edges.dst == item) if src == dst == "item" else []):
                other = train.nodes[src].vocab.id(int(edges.src[at]))
                rows.append({"relation": relation, "src": other, "dst": f"twin-{name}"})
    return Newcomers(nodes=table(NODES, nodes), edges=table(EDGES, rows))


def table(schema, rows):
    import pyarrow as pa

    extra = {
        name: pa.array([row.get(name) for row in rows])
        for name in sorted({name for row in rows for name in row} - set(schema.names))
    }
    known = [pa.array([row.get(f.name) for row in rows], f.type) for f in schema]
    found = pa.table(known, schema=schema)
    for name, column in extra.items():
        found = found.append_column(name, column)
    return found


def signals_of(opened, users, items):
    scorer = opened.bundle.ranking_scorer(opened.split)
    return {n: dense(said, len(users)) for n, said in scorer.signals.said(users, items)}


def test_new_users_with_likes(opened):
    users = np.array([3, 11, 20, 39])
    larger = extend(opened, user_twins(opened, users))
    twins = np.arange(4) + len(opened.graph.users)
    z = larger.bundle.z["user"]
    np.testing.assert_allclose(z[twins], z[users], atol=2e-5)
    assert np.abs(z[users]).max() > 0.1

    items = np.flatnonzero(opened.graph.item_mask("films"))
    before, after = signals_of(opened, users, items), signals_of(larger, twins, items)
    assert before.keys() == after.keys()
    for name, values in before.items():
        np.testing.assert_allclose(after[name], values, rtol=1e-3, atol=1e-4, err_msg=name)

    old, new = (Recommender(o.graph, o.bundle, split=o.split) for o in (opened, larger))
    ids = opened.graph.users.vocab.to_ids(users)
    for domain in ("films", "books"):
        expected = old.recommend(ids, domain=domain, k=5)
        found = new.recommend([f"twin-{name}" for name in ids], domain=domain, k=5)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-3, atol=1e-3)
        assert (found[0] == expected[0]).mean() > 0.9  # those that all but tie may change places


def test_new_items_with_texts_and_entities(opened):
    cold = opened.split.cold_items
    if not len(cold):
        pytest.skip("no item is cold")
    larger = extend(opened, item_twins(opened, cold))
    twins = np.arange(len(cold)) + len(opened.graph.items)
    z = larger.bundle.z["item"]
    np.testing.assert_allclose(z[twins], z[cold], atol=2e-5)
    assert np.abs(z[cold]).max(axis=1).min() > 0.01
    stage, grown = opened.bundle.second_stage, larger.bundle.second_stage
    assert np.array_equal(grown.near[twins], stage.near[cold])
    for name in ("text", "channel", "similarity"):
        found, expected = (getattr(grown, name)[twins], getattr(stage, name)[cold])
        np.testing.assert_allclose(found, expected, atol=1e-6, err_msg=name)

    users = np.array([3, 11, 20, 39])
    before, after = signals_of(opened, users, cold), signals_of(larger, users, twins)
    for name, values in before.items():
        if "author" not in name:  # whose other items it is joined to, its twin among them
            np.testing.assert_allclose(after[name], values, rtol=1e-3, atol=1e-4, err_msg=name)
