"""A small graph of two domains, its features, and a network whose weights are not zero."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch_geometric.data import HeteroData

from gnn.data import interaction_types, to_hetero
from gnn.model import TransferGNN
from gnn.views import GraphView
from kg.graph import KnowledgeGraph

BOOKS = [f"b{number}" for number in range(5)]
FILMS = [f"f{number}" for number in range(5)]
LIKES = [
    ("ann", "b0"), ("ann", "b1"), ("ann", "f0"), ("ann", "f1"),
    ("bob", "b1"), ("bob", "b2"), ("bob", "f1"), ("bob", "f2"),
    ("cyd", "b2"), ("cyd", "b3"), ("cyd", "f2"),
    ("dan", "b0"), ("dan", "b3"),
    ("eve", "f0"), ("eve", "f3"),
]  # fmt: skip
BY = [("b0", "p0"), ("f0", "p0"), ("b1", "p1"), ("f1", "p1"), ("f4", "p0")]


@dataclass
class World:
    """Everything of one network over one graph."""

    graph: KnowledgeGraph
    data: HeteroData
    views: GraphView
    model: TransferGNN
    x: dict[str, dict[str, torch.Tensor]]

    def row(self, node_type: str, node_id: str) -> int:
        return int(self.graph.nodes[node_type].vocab.index([node_id])[0])


@pytest.fixture
def graph(make_graph) -> KnowledgeGraph:
    """Dan knows no film, Eve no book; nobody has seen b4 and f4; people link both domains."""
    items = dict.fromkeys(BOOKS, "books") | dict.fromkeys(FILMS, "films")
    return make_graph(
        LIKES,
        items,
        texts={item: f"text of {item}" for item in items},
        entities={"person": ["p0", "p1"]},
        relations={("item", "by", "person"): BY},
    )


def _vectors(graph: KnowledgeGraph) -> np.ndarray:
    """Return one random direction per item that depends on its id alone."""
    rows = []
    for item in graph.items.vocab.ids.to_pylist():
        rows.append(np.random.default_rng(list(item.encode())).normal(size=6))
    vectors = np.array(rows)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


def _near(vectors: np.ndarray, k: int = 3) -> tuple[np.ndarray, np.ndarray]:
    cosine = vectors @ vectors.T
    np.fill_diagonal(cosine, -1)
    rows = np.argsort(-cosine, axis=1)[:, :k]
    return rows, np.take_along_axis(cosine, rows, axis=1)


def _network(
    graph: KnowledgeGraph,
    *,
    seed: int = 0,
    layers: int = 2,
    parts: tuple[int, ...] = (5, 3),
    channels: dict[str, dict[str, np.ndarray]] | None = None,
    fusion: str = "concat",
    convolution: str = "light",
) -> World:
    vectors = _vectors(graph)
    data = to_hetero(graph, channels or {"item": {"text": vectors}}, {"near": _near(vectors)})
    views = GraphView(data, "user", "item", interaction_types(graph))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = TransferGNN(
            views,
            data,
            parts=parts,
            layers=layers,
            decoder="distmult",
            fusion=fusion,
            convolution=convolution,
        )
    draws = torch.Generator().manual_seed(seed)
    with torch.no_grad():  # residuals and biases begin at zero: none would be seen to matter
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=draws) * 0.3)
    x = {kind: data[kind].x for kind in data.node_types if "x" in data[kind]}
    return World(graph=graph, data=data, views=views, model=model, x=x)


@pytest.fixture
def network() -> Callable[..., World]:
    """Return the factory of random networks over a graph; every item has a random text vector."""
    return _network


@pytest.fixture
def world(graph, network) -> World:
    return network(graph)
