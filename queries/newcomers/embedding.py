"""Embeddings of newcomers: what the network's forward pass gives a node in their position."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from kg.graph import EdgeType, FloatArray
from kg.vocab import IntArray
from queries.newcomers.incoming import Incoming
from queries.newcomers.light import Take
from queries.newcomers.weights import Weights


class Network(Protocol):
    """Hops of some architecture over the nodes that were there and those that come."""

    def present(self, layer: int, kind: str) -> bool:
        """Return whether nodes of a type have states after so many hops."""

    def take(self, layer: int, kind: str, rows: IntArray) -> FloatArray:
        """Return states of nodes that were there, float32 `[len(rows), width]`."""

    def input(self, kind: str, channels: Mapping[str, FloatArray], size: int) -> FloatArray:
        """Return the first states of new nodes, `[size, width]`."""

    def degrees(self, edge_type: EdgeType) -> tuple[FloatArray, FloatArray]:
        """Return the sums of the weights at the heads and at the tails of an edge type."""

    def hop(
        self,
        layer: int,
        kinds: Mapping[str, int],
        edges: list[tuple[Incoming, FloatArray]],
        take: Take,
    ) -> dict[str, FloatArray]:
        """Return the next states of new nodes, `[size, width]` by type."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrived:
    """Newcomers as later ones hear them.

    Attributes:
        first: how many nodes of each type the model was trained with.
        states: after each hop, by node type, rows of all newcomers so far.
        received: sums of the weights of the edges over which they hear, by edge type and
            direction.
    """

    first: Mapping[str, int]
    states: Sequence[Mapping[str, FloatArray]] = ()
    received: Mapping[tuple[EdgeType, bool], FloatArray] = field(default_factory=dict)

    def count(self, kind: str) -> int:
        """Return how many have arrived of a type."""
        return len(self.states[-1].get(kind, ())) if self.states else 0


def settle(
    network: Network,
    weights: Weights,
    arrived: Arrived,
    edges: Sequence[Incoming],
    channels: Mapping[str, Mapping[str, FloatArray]],
    sizes: Mapping[str, int],
) -> Arrived:
    """Return newcomers behind those that have arrived, with their states after every hop.

    Args:
        network: the architecture.
        weights: its parameters.
        arrived: earlier ones.
        edges: over which the new ones hear.
        channels: of the new ones, by node type and name.
        sizes: how many there are of each type.
    """
    received = _received(arrived, edges, sizes)
    carried = [(some, _carried(network, arrived.first, some, received, arrived)) for some in edges]
    states: list[dict[str, FloatArray]] = []

    def take(layer: int, kind: str, rows: IntArray) -> FloatArray:
        behind = rows - arrived.first[kind]
        if not (behind >= 0).any():
            return network.take(layer, kind, rows)
        found = np.empty((len(rows), weights.width), dtype=np.float32)
        found[behind < 0] = network.take(layer, kind, rows[behind < 0])
        found[behind >= 0] = states[layer][kind][behind[behind >= 0]]
        return found

    def add(new: Mapping[str, FloatArray]) -> None:
        before = arrived.states[len(states)] if arrived.states else {}
        kinds = {*before, *new}
        states.append({k: np.concatenate([a[k] for a in (before, new) if k in a]) for k in kinds})

    add(
        {
            kind: network.input(kind, channels.get(kind, {}), size)
            if network.present(0, kind)
            else np.zeros((size, weights.width), dtype=np.float32)
            for kind, size in sizes.items()
        }
    )
    for layer in range(weights.layers):
        heard = network.hop(layer, sizes, carried, take)
        nothing = {k: np.zeros((n, weights.width), np.float32) for k, n in sizes.items()}
        add({**nothing, **heard})
    return Arrived(first=arrived.first, states=states, received=received)


def mixed(weights: Weights, states: Sequence[FloatArray], kind: str) -> FloatArray:
    """Return embeddings, before text neighbours, of states after every hop."""
    parts = [rows * weights.mixture(layer, kind) for layer, rows in enumerate(states)]
    return np.asarray(sum(parts[1:], parts[0]), dtype=np.float32)


def _received(
    arrived: Arrived, edges: Sequence[Incoming], sizes: Mapping[str, int]
) -> dict[tuple[EdgeType, bool], FloatArray]:
    found = dict(arrived.received)
    for some in edges:
        kind, key = some.receiver_type, (some.edge_type, some.backwards)
        before, size = arrived.count(kind), sizes[kind]
        sums = np.bincount(some.receivers, some.weight, size).astype(np.float32)
        known = found.get(key, np.zeros(0, dtype=np.float32))
        gap = np.zeros(before - len(known), dtype=np.float32)
        found[key] = np.concatenate([known, gap, sums])
    return found


def _carried(
    network: Network,
    first: Mapping[str, int],
    edges: Incoming,
    received: Mapping[tuple[EdgeType, bool], FloatArray],
    arrived: Arrived,
) -> FloatArray:
    r"""Return $w / \sqrt{d(u)\, d(v)}$ for each edge.

    A sender's degree is what it was; one that had no edge in the relation counts as having one.
    """
    heads, tails = network.degrees(edges.edge_type)
    old = tails if edges.backwards else heads
    new = received.get((edges.edge_type, not edges.backwards), np.zeros(0, dtype=np.float32))
    rows, count = edges.senders, first[edges.sender_type]
    degree = np.zeros(len(rows), dtype=np.float32)
    there, later = rows < count, rows >= count
    degree[there] = old[rows[there]]
    places = rows[later] - count
    heard = places < len(new)
    degree[np.flatnonzero(later)[heard]] = new[places[heard]]
    degree[degree == 0] = 1
    own = received[edges.edge_type, edges.backwards]
    before = arrived.count(edges.receiver_type)
    of_own = np.maximum(own[edges.receivers + before], 1e-12)
    return np.asarray(edges.weight * of_own**-0.5 * degree**-0.5, dtype=np.float32)
