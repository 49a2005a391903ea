"""Three books, the films made of them, and four people; the model is written by hand."""

import numpy as np
import pytest

from kg.store import save_graph
from training.bundle import Bundle, save_bundle
from training.evaluation.split import HeldOut, Split
from training.evaluation.split_files import save_split
from training.run_folder import RunFolder

TITLES = {
    "b1": "The Hobbit",
    "b2": "Emma",
    "b3": "Dune",
    "f1": "An Unexpected Journey",
    "f2": "Clueless",
    "f3": "Dune: Part One",
    "ada": "Ada",
    "bob": "Bob",
    "dan": "Dan",
    "tolkien": "J. R. R. Tolkien",
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


@pytest.fixture
def graph(make_graph):
    """Dan knows nothing; Cyd and most entities have no title."""
    return make_graph(
        LIKES,
        {item: "books" if item[0] == "b" else "films" for item in TITLES if item[1].isdigit()},
        texts=TITLES,
        users=["dan"],
        entities={"person": ["tolkien", "austen", "herbert"], "genre": ["fantasy", "romance"]},
        relations=FACTS,
    )


@pytest.fixture
def bundle(graph):
    rng = np.random.default_rng(0)
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
def run(tmp_path, graph, bundle, split):
    """A run folder with one trained model."""
    folder = RunFolder(tmp_path / "run")
    save_graph(graph, folder.graph)
    save_split(split, folder.task("user-cold").split)
    save_bundle(bundle, folder.task("user-cold").model, graph)
    return folder.path
