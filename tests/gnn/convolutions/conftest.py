"""Three types of nodes, two domains, one relation between items and people."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from gnn.adjacency import Adjacency, Propagation
from gnn.convolutions.base import Convolution, convolution

BOOKS, FILMS = ("user", "likes:books", "item"), ("user", "likes:films", "item")
BY = ("item", "by", "person")
SIZES = {"user": 3, "item": 4, "person": 2}
EDGES = {
    BOOKS: ([0, 0, 1, 2], [0, 1, 1, 0]),
    FILMS: ([0, 1, 2, 2], [2, 2, 2, 3]),
    BY: ([0, 1, 3], [0, 0, 1]),
}
PART = torch.tensor([0, 0, 0, 0, 0, 1, 1, 1])  # two heads of four coordinates, or four of two


@dataclass
class Small:
    """The graph: what a hop needs to be made and called."""

    h: dict[str, Tensor]
    adjacencies: dict[tuple[str, str, str], Adjacency]

    def propagations(self, **keep: Tensor) -> dict[tuple[str, str, str], Propagation]:
        """Return all relations, but only some edges of those named `books`, `films` or `by`."""
        return {
            edge: adjacency.symmetric(keep.get(edge[1].removeprefix("likes:")))
            for edge, adjacency in self.adjacencies.items()
        }

    def plain(self) -> dict[tuple[str, str, str], Propagation]:
        """Return all relations, 1 on every edge."""
        ones = {edge: torch.ones(len(a)) for edge, a in self.adjacencies.items()}
        return {e: Propagation(a, ones[e], ones[e]) for e, a in self.adjacencies.items()}


def without(edges: dict, **dropped: int) -> dict[tuple[str, str, str], Adjacency]:
    """Return adjacencies, less one edge of those named `books`, `films` or `by`."""
    made = {}
    for edge, (src, dst) in edges.items():
        kept = [n for n in range(len(src)) if n != dropped.get(edge[1].removeprefix("likes:"))]
        made[edge] = Adjacency(
            torch.tensor(src)[kept], torch.tensor(dst)[kept], SIZES[edge[0]], SIZES[edge[2]]
        )
    return made


@pytest.fixture
def small() -> Small:
    draws = torch.Generator().manual_seed(0)
    h = {kind: torch.randn(size, len(PART), generator=draws) for kind, size in SIZES.items()}
    return Small(h=h, adjacencies=without(EDGES))


@pytest.fixture
def smaller(small) -> Small:
    """The same without the first edge of films, and without the last of books."""
    return Small(h=small.h, adjacencies=without(EDGES, films=0, books=3))


@pytest.fixture
def make_hop() -> Callable[..., Convolution]:
    """Return the factory of hops: by name, fresh or with noise on every parameter."""

    def factory(name: str, noise: float = 0.0, seed: int = 0) -> Convolution:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            hop = convolution(
                name,
                PART,
                {BOOKS: 0.7, FILMS: 0.7, BY: 0.1},
                node_types=list(SIZES),
                interactions=[BOOKS, FILMS],
            )
        draws = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in hop.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=draws) * noise)
        return hop

    return factory
