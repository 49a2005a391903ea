"""Graphs of which parts are looked at, and the parts."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch

from gnn.minibatch.surroundings import Surroundings
from gnn.minibatch.world import World, Worlds

FILMS = ("user", "likes:films", "item")


@pytest.fixture
def crowd(make_graph):
    """Random likes of 40 people in two domains, weighted; one item of both, genres, nations."""
    draws = np.random.default_rng(0)
    books, films = [f"b{n:02d}" for n in range(14)], [f"f{n:02d}" for n in range(14)]
    items = dict.fromkeys(books, "books") | dict.fromkeys(films, "films")
    items["b00"] = ["books", "films"]
    some = [*books[:12], *films[:12]]
    likes = sorted(
        {(f"u{draws.integers(40):02d}", some[int(24 * draws.random() ** 2)]) for _ in range(220)}
    )
    genres = [(item, f"g{draws.integers(3)}") for item in items for _ in range(2)]
    graph = make_graph(
        likes,
        items,
        texts={item: f"text of {item}" for item in items} | {"g0": "a text"},
        entities={"genre": ["g0", "g1", "g2"], "nation": ["n0", "n1"]},
        relations={
            ("item", "genre", "genre"): sorted(set(genres)),
            ("item", "like", "item"): [("b01", "f01"), ("b02", "f02"), ("b01", "b02")],
            ("genre", "of", "nation"): [("g0", "n0"), ("g1", "n1"), ("g2", "n1")],
        },
    )
    edges = graph.interaction_edges
    weight = draws.uniform(0.5, 3, len(edges.src)).astype(np.float32)
    return graph.with_edges({graph.interactions: dataclasses.replace(edges, weight=weight)})


@pytest.fixture
def channels(crowd):
    """Channels of three types of nodes, two of items, and histories of users."""
    draws = np.random.default_rng(2)
    names = {
        "user": ("history:books", "history:films"),
        "item": ("text", "image"),
        "genre": ("text",),
    }
    return {
        kind: {c: draws.normal(size=(len(crowd.nodes[kind]), 6)).astype(np.float32) for c in some}
        for kind, some in names.items()
    }


def _mask(number, rows):
    found = torch.zeros(number, dtype=torch.bool)
    found[list(rows)] = True
    return found


@pytest.fixture(params=["warm", "cold users", "cold items", "cold users and items"])
def hidden(request):
    """Who plays cold, as `GraphView.view` takes it."""
    users = {"hidden_users": _mask(40, [1, 2, 3, 7, 11]), "hidden_relations": (FILMS,)}
    items = {"hidden_items": _mask(28, [3, 15, 17, 18])}
    return {
        **(users if "users" in request.param else {}),
        **(items if "items" in request.param else {}),
    }


@pytest.fixture
def make_world() -> Callable[..., World]:
    """Return what makes worlds of a network's graph, without some edges too."""

    def factory(network, without=None, **hidden):
        worlds = Worlds(network.views, network.model.carriers)
        world = worlds.world(**hidden)
        return world if without is None else worlds.without(world, without)

    return factory


@pytest.fixture
def local(make_world) -> Callable:
    """Return what embeds some nodes on what they depend on."""

    def factory(network, wanted, fan_out=(-1,), near=-1, seed=0, world=None):
        model, world = network.model, world or make_world(network)
        finder = Surroundings(model.num_nodes, "user", "item", torch.device("cpu"))
        draws = torch.Generator().manual_seed(seed)
        view = finder.view(world, wanted, model.senders(), fan_out, near=near, generator=draws)
        x = {
            kind: {name: rows[view.rows[kind]] for name, rows in some.items()}
            for kind, some in network.x.items()
        }
        return model(x, view), view

    return factory
