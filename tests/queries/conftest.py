"""Three books, the films made of them, and four people; the model is written by hand."""

import numpy as np
import pyarrow as pa
import pytest
from kg.store import save_graph

from kg.graph import Edges, KnowledgeGraph, Nodes
from kg.vocab import Vocab
from training.bundle import Bundle, save_bundle
from training.evaluation.split import HeldOut, Split
from training.evaluation.split_files import save_split
from training.run_folder import RunFolder

DOMAINS = ("books", "films")
TITLES = {
    "b1": "The Hobbit",
    "b2": "Emma",
    "b3": "Dune",
    "f1": "An Unexpected Journey",
    "f2": "Clueless",
    "f3": "Dune: Part One",
}
LIKES = [
    ("ada", "b1"),
    ("ada", "b3"),
    ("bob", "b1"),
    ("bob", "f1"),
    ("bob", "f3"),
    ("cyd", "b2"),
    ("cyd", "f2"),
]
FACTS = {
    ("item", "author", "person"): [("b1", "tolkien"), ("b2", "austen"), ("b3", "herbert")],
    ("item", "writer", "person"): [("f1", "tolkien"), ("f3", "herbert")],
    ("item", "genre", "genre"): [
        ("b1", "fantasy"),
        ("f1", "fantasy"),
        ("b3", "fantasy"),
        ("b2", "romance"),
    ],
    ("item", "based_on", "item"): [("f1", "b1"), ("f2", "b2"), ("f3", "b3")],
}


def make_nodes(kind, titles, domains=None):
    vocab = Vocab.from_values(list(titles), kind)
    ids = vocab.ids.to_pylist()
    member = np.zeros((len(ids), 2), dtype=bool)
    for row, node_id in enumerate(ids):
        for domain in (domains or {}).get(node_id, ()):
            member[row, DOMAINS.index(domain)] = True
    return Nodes(
        vocab=vocab,
        title=pa.array([titles[node_id] for node_id in ids], pa.string()),
        text=pa.array([titles[node_id] for node_id in ids], pa.string()),
        domains=member,
        attributes=pa.table({}),
    )


def make_graph(likes=LIKES, facts=FACTS):
    domains = {item: ["books" if item[0] == "b" else "films"] for item in TITLES}
    nodes = {
        "user": make_nodes("user", {"ada": "Ada", "bob": "Bob", "cyd": "", "dan": "Dan"}),
        "item": make_nodes("item", TITLES, domains),
        "person": make_nodes(
            "person",
            {"tolkien": "J. R. R. Tolkien", "austen": "Jane Austen", "herbert": "Frank Herbert"},
        ),
        "genre": make_nodes("genre", {"fantasy": "fantasy", "romance": "romance"}),
    }
    edges = {}
    for edge_type, pairs in {("user", "likes", "item"): likes, **facts}.items():
        src = nodes[edge_type[0]].vocab.index([pair[0] for pair in pairs])
        dst = nodes[edge_type[2]].vocab.index([pair[1] for pair in pairs])
        edges[edge_type] = Edges(src=src, dst=dst, weight=np.ones(len(src), np.float32))
    return KnowledgeGraph(
        domains=DOMAINS, nodes=nodes, edges=edges, interactions=("user", "likes", "item")
    )


def make_bundle(graph, seed=0):
    rng = np.random.default_rng(seed)
    return Bundle(
        z={
            node_type: rng.normal(size=(len(nodes), 4)).astype(np.float32)
            for node_type, nodes in graph.nodes.items()
        },
        item_bias=rng.normal(size=len(graph.items)).astype(np.float32),
        weights={},
        about={},
    )


@pytest.fixture
def graph():
    return make_graph()


@pytest.fixture
def bundle(graph):
    return make_bundle(graph)


@pytest.fixture
def split(graph):
    """Cyd lost the only film she knows."""
    edges = graph.interaction_edges
    cyd, film = graph.users.vocab.index(["cyd"]), graph.items.vocab.index(["f2"])
    held_out = (edges.src == cyd) & (edges.dst == film)
    nothing = np.empty(0, dtype=np.int64)
    films = np.flatnonzero(graph.item_mask("films"))
    return Split(
        protocol="user-cold",
        sources=("books",),
        target="films",
        train=graph.with_edges({graph.interactions: edges.take(~held_out)}),
        valid=HeldOut(users=nothing, items=nothing, candidates=films),
        test=HeldOut(users=cyd, items=film, candidates=films),
        cold_users=cyd,
        cold_items=nothing,
        graph_fingerprint=graph.fingerprint,
    )


@pytest.fixture
def save():
    """Write a graph folder."""
    return lambda graph, path: save_graph(graph, path)


@pytest.fixture
def run(tmp_path, graph, bundle, split, save):
    """A run folder with one trained model."""
    folder = RunFolder(tmp_path / "run")
    save(graph, folder.graph)
    save_split(split, folder.task("user-cold").split)
    save_bundle(bundle, folder.task("user-cold").model, graph)
    return folder.path
