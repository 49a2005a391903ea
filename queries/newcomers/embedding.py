"""Embeddings of newcomers: what the network's forward pass gives a node in their position."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from kg.graph import EdgeType, FloatArray
from kg.vocab import IntArray
from queries.newcomers.incoming import Incoming
from queries.newcomers.light import LEAST, Degree, Degrees, Take
from queries.newcomers.weights import Weights


class Network(Protocol):
    """Hops of some architecture over the nodes that were there and those that come."""

    def present(self, layer: int, kind: str) -> bool:
        """Return whether nodes of a type have states after so many hops."""

    def take(self, layer: int, kind: str, rows: IntArray) -> FloatArray:
        """Return states of nodes that were there, float32 `[len(rows), width]`."""

    def input(self, kind: str, channels: Mapping[str, FloatArray], size: int) -> FloatArray:
        """Return the first states of new nodes, `[size, width]`."""

    def hop(
        self,
        layer: int,
        kinds: Mapping[str, IntArray],
        edges: list[tuple[Incoming, FloatArray]],
        take: Take,
        degree: Degree,
    ) -> dict[str, FloatArray]:
        """Return the next states of new nodes, `[size, width]` by type."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrived:
    """Newcomers as later ones hear them.

    Attributes:
        first: how many nodes of each type the model was trained with.
        states: after each hop, by node type, rows of all newcomers so far.
        received: sums of the weights of the edges over which they hear, by edge type and end.
    """

    first: Mapping[str, int]
    states: Sequence[Mapping[str, FloatArray]] = ()
    received: Mapping[tuple[EdgeType, int], FloatArray] = field(default_factory=dict)

    def count(self, kind: str) -> int:
        """Return how many have arrived of a type."""
        return len(self.states[-1].get(kind, ())) if self.states else 0


def settle(
    network: Network,
    weights: Weights,
    degrees: Degrees,
    arrived: Arrived,
    edges: Sequence[Incoming],
    channels: Mapping[str, Mapping[str, FloatArray]],
    sizes: Mapping[str, int],
) -> Arrived:
    """Return newcomers behind those that have arrived, with their states after every hop.

    Args:
        network: the architecture.
        weights: its parameters.
        degrees: of the nodes that were there.
        arrived: earlier ones.
        edges: over which the new ones hear.
        channels: of the new ones, by node type and name.
        sizes: how many there are of each type.
    """
    degree = _Degrees(degrees, arrived, edges, sizes)
    carried = [(some, degree.carried(some)) for some in edges]
    states: list[dict[str, FloatArray]] = []

    def take(layer: int, kind: str, rows: IntArray) -> FloatArray:
        behind = rows - arrived.first[kind]
        new = behind >= 0
        if not new.any():
            return network.take(layer, kind, rows)
        found = np.empty((len(rows), weights.width), dtype=np.float32)
        found[~new] = network.take(layer, kind, rows[~new])
        found[new] = states[layer][kind][behind[new]]
        return found

    def add(new: Mapping[str, FloatArray]) -> None:
        before = arrived.states[len(states)] if arrived.states else {}
        kinds = {*before, *new}
        states.append({k: np.concatenate([a[k] for a in (before, new) if k in a]) for k in kinds})

    nothing = {k: np.zeros((size, weights.width), np.float32) for k, size in sizes.items()}
    told = {
        kind: network.input(kind, channels.get(kind, {}), size)
        for kind, size in sizes.items()
        if network.present(0, kind)
    }
    add({**nothing, **told})
    rows = {
        kind: np.arange(size) + arrived.first[kind] + arrived.count(kind)
        for kind, size in sizes.items()
    }
    for layer in range(weights.layers):
        add({**nothing, **network.hop(layer, rows, carried, take, degree)})
    return Arrived(first=arrived.first, states=states, received=degree.received)


def mixed(weights: Weights, states: Sequence[FloatArray], kind: str) -> FloatArray:
    """Return embeddings, before text neighbours, of states after every hop."""
    parts = [rows * weights.mixture(layer, kind) for layer, rows in enumerate(states)]
    return np.asarray(sum(parts[1:], parts[0]), dtype=np.float32)


class _Degrees:
    """Sums of weights at one end of an edge type: what they were; of newcomers, what they hear.

    Attributes:
        received: by edge type and end, of all newcomers.
    """

    def __init__(
        self,
        known: Degrees,
        arrived: Arrived,
        edges: Sequence[Incoming],
        sizes: Mapping[str, int],
    ) -> None:
        self._known, self._first, self._arrived = known, arrived.first, arrived
        self.received = dict(arrived.received)
        for some in edges:
            kind, key = some.receiver_type, (some.edge_type, some.end)
            before, size = arrived.count(kind), sizes[kind]
            sums = np.zeros(before + size, dtype=np.float32)
            known_sums = self.received.get(key, sums[:0])
            sums[: len(known_sums)] = known_sums
            sums[before:] += np.bincount(some.receivers, some.weight, size).astype(np.float32)
            self.received[key] = sums

    def __call__(self, edge_type: EdgeType, end: int, rows: IntArray) -> FloatArray:
        """Return the degrees of some nodes at the heads (0) or tails (2) of an edge type."""
        behind = rows - self._first[edge_type[end]]
        found = np.zeros(len(rows), dtype=np.float32)
        found[behind < 0] = self._known(edge_type, end)[rows[behind < 0]]
        sums = self.received.get((edge_type, end), found[:0])
        heard = (behind >= 0) & (behind < len(sums))
        found[heard] = sums[behind[heard]]
        return found

    def carried(self, edges: Incoming) -> FloatArray:
        r"""Return $w / \sqrt{d(u)\, d(v)}$ for each edge.

        A sender that had no edge in the relation counts as having one.
        """
        of_sender = self(edges.edge_type, 2 - edges.end, edges.senders)
        of_sender[of_sender == 0] = 1
        kind = edges.receiver_type
        rows = edges.receivers + self._first[kind] + self._arrived.count(kind)
        of_own = np.maximum(self(edges.edge_type, edges.end, rows), LEAST)
        return np.asarray(edges.weight * of_own**-0.5 * of_sender**-0.5, dtype=np.float32)
