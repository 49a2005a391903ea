"""The default network without torch: states of the nodes that newcomers hear from, row by row."""

from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gnn.messages import interaction_types
from kg.graph import BoolArray, Edges, EdgeType, FloatArray, KnowledgeGraph
from kg.vocab import IntArray
from queries.newcomers.incoming import Incoming
from queries.newcomers.weights import Weights

Inputs = Callable[[str, IntArray], Mapping[str, FloatArray]]  # channels of some nodes of a type
Take = Callable[[int, str, IntArray], FloatArray]  # states after some hops
Degrees = Callable[[EdgeType, int], FloatArray]  # at the heads (0) or the tails (2)
Degree = Callable[[EdgeType, int, IntArray], FloatArray]  # the same of some nodes
LEAST = 1e-12  # degree, as in `gnn.adjacency`


class LightNetwork:
    r"""`gnn.convolutions.light` over sums of channels (`fusion = "concat"`), in NumPy.

    $$h^{l+1}_v = \sum_r g^l_r \sum_{u \in N_r(v)} \frac{w_{uv}}{\sqrt{d_r(u)\, d_r(v)}}\, h^l_u$$

    States are made when they are asked for, of the rows that are asked for and of those that these
    hear from, and kept.

    Args:
        weights: what was learned.
        graph: what it was trained on, without repeats of interactions.
        messages: `gnn.messages.message_edges` of it.
        degrees: sums of their weights at one end, of all nodes there.
        inputs: returns the channels of some of its nodes.
    """

    def __init__(
        self,
        weights: Weights,
        graph: KnowledgeGraph,
        messages: Mapping[EdgeType, Edges],
        degrees: Degrees,
        inputs: Inputs,
    ) -> None:
        self._weights, self._graph, self._messages = weights, graph, messages
        self._degrees, self._inputs = degrees, inputs
        self._counts = {kind: len(nodes) for kind, nodes in graph.nodes.items()}
        self._states: dict[tuple[int, str], tuple[FloatArray, BoolArray]] = {}
        self._sorted: dict[tuple[EdgeType, bool], tuple[IntArray, IntArray]] = {}
        self._present = self._presence()

    def present(self, layer: int, kind: str) -> bool:
        """Return whether nodes of a type have states after so many hops."""
        return kind in self._present[layer]

    def take(self, layer: int, kind: str, rows: IntArray) -> FloatArray:
        """Return states of nodes that were there, float32 `[len(rows), width]`."""
        if (layer, kind) not in self._states:
            size = self._counts[kind]
            room = np.empty((size, self._weights.width), dtype=np.float32)  # paged in where written
            self._states[layer, kind] = room, np.zeros(size, dtype=np.bool_)
        states, known = self._states[layer, kind]
        missing = np.unique(rows[~known[rows]])
        if len(missing):
            states[missing] = self._make(layer, kind, missing)
            known[missing] = True
        return states[rows]

    def input(self, kind: str, channels: Mapping[str, FloatArray], size: int) -> FloatArray:
        """Return the first states of new nodes, `[size, width]`."""
        return self._weights.input(kind, channels, size)

    def hop(
        self,
        layer: int,
        kinds: Mapping[str, IntArray],
        edges: list[tuple[Incoming, FloatArray]],
        take: Take,
        degree: Degree | None = None,
    ) -> dict[str, FloatArray]:
        """Return the next states of new nodes, `[size, width]` by type.

        Args:
            layer: hops before this one.
            kinds: rows of the new nodes of each type.
            edges: over which they hear, with what each carries (w / sqrt(d d)).
            take: returns states before this hop.
            degree: not used.
        """
        del degree
        width = self._weights.width
        found = {
            kind: np.zeros((len(rows), width), dtype=np.float32)
            for kind, rows in kinds.items()
            if self.present(layer + 1, kind)
        }
        for some, carried in edges:
            if self.present(layer, some.sender_type) and some.receiver_type in found:
                into = found[some.receiver_type]
                into += self._messages_of(layer, some, carried, len(into), take)
        return found

    def _messages_of(
        self, layer: int, edges: Incoming, carried: FloatArray, size: int, take: Take
    ) -> FloatArray | float:
        from scipy.sparse import csr_array

        gate = self._weights.gate(layer, edges.edge_type, backwards=edges.backwards)
        if gate is None:
            return 0.0
        senders, places = np.unique(edges.senders, return_inverse=True)
        shape = (size, len(senders))
        matrix = csr_array((carried, (edges.receivers, places)), shape=shape)
        messages: FloatArray = matrix @ take(layer, edges.sender_type, senders)
        return messages * gate

    def _presence(self) -> list[set[str]]:
        found = [{kind for kind in self._counts if self._weights.has_input(kind)}]
        for _ in range(self._weights.layers):
            known = found[-1]
            ends = [(src, dst) for src, _, dst in self._messages]
            heard = {dst for src, dst in ends if src in known}
            found.append(heard | {src for src, dst in ends if dst in known})
        return found

    def _make(self, layer: int, kind: str, rows: IntArray) -> FloatArray:
        if layer == 0:
            found = self._weights.input(kind, self._inputs(kind, rows), len(rows))
            if kind == self._graph.item_type:
                found += self._weights.residual(kind)[rows] * self.warm[rows][:, None]
            return found
        edges = []
        for some in self._heard_by(kind, rows):
            heads, tails = (self._degrees(some.edge_type, end) for end in (0, 2))
            own, other = (heads, tails) if some.backwards else (tails, heads)
            of_own = np.maximum(own[rows[some.receivers]], LEAST)
            of_other = np.maximum(other[some.senders], LEAST)
            carried = some.weight * of_own**-0.5 * of_other**-0.5
            edges.append((some, carried.astype(np.float32)))
        return self.hop(layer - 1, {kind: rows}, edges, self.take)[kind]

    @cached_property
    def warm(self) -> BoolArray:
        """Items with a training interaction in some domain, bool `[num_items]`."""
        mask: npt.NDArray[np.bool_] = np.zeros(self._counts[self._graph.item_type], dtype=np.bool_)
        for edge_type in interaction_types(self._graph):
            mask[self._messages[edge_type].dst] = True
        return mask

    def _heard_by(self, kind: str, rows: IntArray) -> list[Incoming]:
        """Return the edges into some nodes that were there."""
        found = []
        for edge_type, edges in self._messages.items():
            for backwards, receiver in ((False, edge_type[2]), (True, edge_type[0])):
                if receiver != kind or not len(edges):
                    continue
                into, senders = (edges.src, edges.dst) if backwards else (edges.dst, edges.src)
                key = edge_type, backwards
                if key not in self._sorted:
                    counts = np.bincount(into, minlength=self._counts[kind])
                    starts = np.concatenate([[0], np.cumsum(counts)])
                    self._sorted[key] = np.argsort(into, kind="stable"), starts
                order, starts = self._sorted[key]
                number = starts[rows + 1] - starts[rows]
                first = np.repeat(starts[rows] - (np.cumsum(number) - number), number)
                places = order[first + np.arange(number.sum())]
                found.append(
                    Incoming(
                        edge_type=edge_type,
                        backwards=backwards,
                        receivers=np.repeat(np.arange(len(rows)), number),
                        senders=senders[places],
                        weight=edges.weight[places],
                    )
                )
        return found
