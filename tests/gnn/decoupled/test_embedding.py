import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from gnn.decoupled.embedding import Weighed
from gnn.decoupled.everything import embed_all
from gnn.decoupled.terms import Terms

FILMS, BOOKS = ("user", "likes:films", "item"), ("user", "likes:books", "item")
BY = ("item", "by", "person")
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def histories(graph):
    """Return a channel of every user and domain, and a text of persons beside that of items."""
    draws = np.random.default_rng(0)
    size = {name: len(nodes) for name, nodes in graph.nodes.items()}

    def rows(name, width):
        return draws.normal(size=(size[name], width)).astype(np.float32)

    users = {f"history:{domain}": rows("user", 4) for domain in ("books", "films")}
    users["history:books"][0] = 0  # of whom nothing is known
    return {
        "user": {**users, "text": rows("user", 3)},
        "item": {"text": rows("item", 6), "image": rows("item", 2)},
        "person": {"text": rows("person", 3)},
    }


CASES = {
    "items alone": {},
    "one hop": {"layers": 1},
    "three hops": {"layers": 3},
    "histories": {"channels": histories},
    "gates of channels": {"channels": histories, "fusion": "gate"},
    "attention to channels": {"channels": histories, "fusion": "attention"},
    "lightgcn": {"convolution": "lightgcn", "channels": histories},
}


def views_of(world):
    """Return the whole graph, and worlds in which users, items or both play cold."""
    users = torch.zeros(world.views.num_nodes["user"], dtype=torch.bool)
    users[[world.row("user", "ann"), world.row("user", "bob")]] = True
    items = torch.zeros(world.views.num_nodes["item"], dtype=torch.bool)
    items[[world.row("item", "f1"), world.row("item", "b2")]] = True
    view = world.views.view
    cold_users = view(None, users, (FILMS,))
    return [view(), cold_users, view(items), view(items, users, (FILMS,))]


def made(graph, network, name, **settings):
    case = {**CASES[name], **settings}
    channels = case.pop("channels", None)
    world = network(graph, channels=channels and channels(graph), **case)
    # two columns at a time, so that blocks have edges
    terms = Terms(world.model, world.views, world.x, torch.empty, block_bytes=1)
    terms._columns = 3
    terms.inputs.make()
    return world, terms


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("knowledge", [True, False])
def test_embeddings_are_those_of_the_network(make_graph, graph, network, name, knowledge):
    if not knowledge:
        edges = {edge: rows for edge, rows in graph.edges.items() if edge[1] != "by"}
        graph = type(graph)(**{**vars(graph), "edges": edges})
    world, terms = made(graph, network, name)
    wanted = {"user": torch.tensor([0, 3, 4]), "item": torch.arange(1, 10, 2)}
    wanted["person"] = torch.tensor([1])

    for view in views_of(world):
        expected = world.model(world.x, view)
        terms.carry(view)
        some = Weighed(world.model, terms).embed(wanted)
        every = embed_all(world.model, terms, view, torch.empty)

        torch.testing.assert_close(every.item_bias, expected.item_bias)
        torch.testing.assert_close(some.item_bias, expected.item_bias[wanted["item"]])
        for node_type, rows in wanted.items():
            torch.testing.assert_close(some.z[node_type], expected.z[node_type][rows], **CLOSE)
            torch.testing.assert_close(every.z[node_type], expected.z[node_type], **CLOSE)
        assert set(some.domain_views) == set(every.domain_views) == {BOOKS, FILMS}
        for edge, seen in expected.domain_views.items():
            torch.testing.assert_close(some.domain_views[edge], seen[wanted["user"]], **CLOSE)
            torch.testing.assert_close(every.domain_views[edge], seen, **CLOSE)


SUM = """
import hashlib, torch
from torch_geometric.data import HeteroData
from gnn.decoupled.embedding import Weighed
from gnn.decoupled.terms import Terms
from gnn.model import TransferGNN
from gnn.views import GraphView

draws, data = torch.Generator().manual_seed(0), HeteroData()
data["user"].num_nodes, data["item"].num_nodes = 20, 30
names = [("user", f"likes:{domain}", "item") for domain in ("books", "films", "food", "toys")]
for name in names:
    ends = [torch.randint(number, (60,), generator=draws) for number in (20, 30)]
    data[name].edge_index = torch.stack(ends)
    data[name].edge_weight = torch.ones(60)
graph = GraphView(data, "user", "item", names)
model = TransferGNN(graph, data, parts=(8,), layers=1, decoder="dot")
for parameter in model.parameters():
    parameter.data = torch.randn(parameter.shape, generator=draws)
terms = Terms(model, graph, {}, torch.empty)
terms.carry(graph.view())
found = Weighed(model, terms).embed({"user": torch.arange(20), "item": torch.arange(30)})
print(hashlib.sha256(found.z["user"].detach().numpy().tobytes()).hexdigest())
"""


def test_every_process_adds_up_in_the_same_order():
    """Python orders sets of strings anew in each: a run that goes on must not see that."""
    sums = {
        subprocess.run(
            [sys.executable, "-c", SUM],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
        ).stdout
        for seed in range(3)
    }
    assert len(sums) == 1
