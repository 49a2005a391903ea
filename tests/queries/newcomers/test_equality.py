"""A newcomer gets what the network and the second stage give a node in its position."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from encoders.channels.attributes import TEXT
from encoders.neighbours.space import TextSpace
from encoders.texts.verbalize import node_texts
from gnn.data import NEAR, NEAR_ACROSS, interaction_types, to_hetero
from gnn.model import TransferGNN
from gnn.oneway import OneWay
from gnn.views import GraphView
from queries.newcomers import Newcomers, extend
from queries.newcomers.tables import EDGES, NODES
from queries.recommender import Recommender
from training.ranking.weighing import dense
from training.repeats import without_repeats

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


def only_hearing(adjacency, num_src, num_dst):
    """One relation in which the nodes from these rows on hear, and of them alone users of items."""
    src, dst, weight = adjacency.src, adjacency.dst, adjacency.weight
    forwards = weight * (src < num_src)
    backwards = weight * ((src >= num_src) | (dst < num_dst))
    out_degree = torch.zeros(adjacency.num_src).index_add_(0, src, backwards)
    in_degree = torch.zeros(adjacency.num_dst).index_add_(0, dst, forwards)
    for degree in (out_degree, in_degree):
        degree[degree == 0] = 1  # of who sends to the new ones alone
    scale = (out_degree[src] * in_degree[dst]).rsqrt()
    return OneWay(src, dst, out_degree, in_degree, forwards * scale, backwards * scale)


def embedded(opened, graph):
    """What a model makes of a larger graph in one pass, as if its new nodes had been there."""
    ground, train = opened.ground, without_repeats(graph)
    kinds = [kind for kind, known in ground.features.channels.items() if known]
    texts = {kind: node_texts(train, kind, ground.job.texts) for kind in kinds}
    encoded = {kind: {TEXT: ground.encoder.encode(some)} for kind, some in texts.items()}
    channels = ground.fitted.apply(train, encoded)
    space = TextSpace(channels["item"][TEXT], None, ground.job.neighbours)
    domains = train.items.domains
    lending = np.isin(np.arange(len(domains)), np.flatnonzero(ground.warm))
    near = {NEAR: space.within(domains, lending), NEAR_ACROSS: space.across(domains, lending)}
    data = to_hetero(train, channels, {name: (n.rows, n.similarity) for name, n in near.items()})
    whole = GraphView(data, "user", "item", interaction_types(train))
    shape = ground.job.model
    names = ("layers", "decoder", "fusion", "convolution", "knowledge_decoder")
    settings = {name: getattr(shape, name) for name in names}
    model = TransferGNN(whole, data, parts=(shape.width, shape.text_width), **settings)
    weights = {name: torch.from_numpy(rows) for name, rows in opened.bundle.weights.items()}
    for name, rows in model.state_dict().items():  # of new items nothing was learned
        known, weights[name] = weights[name], torch.zeros_like(rows)
        weights[name][tuple(map(slice, known.shape))] = known
    model.load_state_dict(weights)
    edges = {
        (src, name, dst): only_hearing(adjacency, ground.counts[src], ground.counts[dst])
        for (src, name, dst), adjacency in whole.adjacencies.items()
    }
    with torch.no_grad():
        x = {kind: data[kind].x for kind in data.node_types if "x" in data[kind]}
        z = model(x, replace(whole.view(), propagations=edges)).z
        z["user"] = model.decoder.queries(z["user"])
    return {kind: rows.numpy() for kind, rows in z.items()}


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


@pytest.mark.parametrize(
    "case", [("user-cold", "light"), ("item-cold", "rgcn"), ("warm", "hgt")], ids="-".join
)
def test_as_had_they_been_in_the_graph(opened_run, case):
    opened = opened_run(*case, lexical=0.0)  # word weights are those of the texts in training
    train = opened.split.train
    warm = train.items.vocab.to_ids(np.unique(train.interaction_edges.dst)[::5])
    about = {"type": "item", "domains": ["films"], "attribute.year": 1961}
    nodes = [
        {"id": "film-liked", "title": "robot war", "text": "robot war", **about},
        {"id": "film-cold", "title": "dark sea", "text": "dark sea", **about},
        {"id": "ann"},
        {"id": "bob"},
    ]
    rows = [
        {"relation": "author", "src": "film-liked", "dst": "person-1"},
        {"relation": "author", "src": "film-cold", "dst": "person-3"},
        {"relation": "like", "src": "film-cold", "dst": "book-04"},
        {"relation": "like", "src": "film-06", "dst": "film-liked"},
        {"src": "user-05", "dst": "film-liked", "weight": 4.0},
        {"src": "ann", "dst": "film-liked", "weight": 2.0},
        *({"src": "ann", "dst": item, "weight": 3.0} for item in warm),
        *({"src": "bob", "dst": item} for item in warm[:2]),
    ]
    new = Newcomers(nodes=table(NODES, nodes), edges=table(EDGES, rows))
    larger = extend(opened, new)
    expected = embedded(opened, larger.split.train)
    for kind, z in larger.bundle.z.items():
        np.testing.assert_allclose(z, expected[kind], atol=2e-5, err_msg=kind)
        assert (np.abs(z[opened.ground.counts[kind] :]).max(axis=1) > 0.01).all()
