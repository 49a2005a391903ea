"""Graphs of which parts are looked at, and the parts."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from gnn.minibatch.surroundings import Surroundings
from gnn.minibatch.world import Worlds

TEXT = "text"


@pytest.fixture
def crowd(make_graph):
    """Random likes of 40 people in two domains, one item in both, with people and genres."""
    draws = np.random.default_rng(0)
    books, films = [f"b{n:02d}" for n in range(14)], [f"f{n:02d}" for n in range(14)]
    items = dict.fromkeys(books, "books") | dict.fromkeys(films, "films")
    items["b00"] = ["books", "films"]
    some = [*books[:12], *films[:12]]
    likes = sorted(
        {(f"u{draws.integers(40):02d}", some[int(24 * draws.random() ** 2)]) for _ in range(220)}
    )
    genres = [(item, f"g{draws.integers(3)}") for item in items for _ in range(2)]
    return make_graph(
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


@pytest.fixture
def local() -> Callable:
    """Return what makes local views of a `World` of tests: `(world, wanted, ...)`."""

    def factory(network, wanted, fan_out=(-1,), near=-1, seed=0, without=None, **hidden):
        worlds = Worlds(network.views, network.model.carriers)
        world = worlds.world(**hidden)
        if without is not None:
            world = worlds.without(world, without)
        finder = Surroundings(network.model.num_nodes, "user", "item", torch.device("cpu"))
        draws = torch.Generator().manual_seed(seed)
        senders = network.model.senders()
        return finder.view(world, wanted, senders, fan_out, near=near, generator=draws)

    return factory


@pytest.fixture
def gathered() -> Callable:
    """Return what takes the channels of the rows of a view."""
    return lambda network, view: {
        kind: {name: rows[view.rows[kind]] for name, rows in channels.items()}
        for kind, channels in network.x.items()
    }
