"""Edges over which newcomers hear from others: they receive, and send to later ones alone."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gnn.messages import carrying
from kg.graph import BoolArray, Edges, EdgeType, FloatArray, KnowledgeGraph
from kg.vocab import IntArray

Counts = Mapping[str, int]


@dataclass(frozen=True, kw_only=True, eq=False)
class Incoming:
    """Edges of one type in one direction, into new nodes of one type.

    Attributes:
        edge_type: as the network knows it.
        backwards: whether they run from the edge type's tail to its head.
        receivers: places among the new nodes of the type, int64 `[num_edges]`.
        senders: rows in the grown graph, int64 `[num_edges]`.
        weight: float32 `[num_edges]`.
    """

    edge_type: EdgeType
    backwards: bool
    receivers: IntArray
    senders: IntArray
    weight: FloatArray

    @property
    def end(self) -> int:
        """Which end of the edge type receives: its head (0) or its tail (2)."""
        return 0 if self.backwards else 2

    @property
    def receiver_type(self) -> str:
        """Node type that receives."""
        return self.edge_type[self.end]

    @property
    def sender_type(self) -> str:
        """Node type that sends."""
        return self.edge_type[2 - self.end]


def incoming(
    graph: KnowledgeGraph,
    edges: Mapping[EdgeType, Edges],
    old: Counts,
    useful: Mapping[str, BoolArray],
) -> list[Incoming]:
    """Return the edges over which new nodes receive.

    From a node that was there a new one receives, never the other way. Of two new ones items
    receive from entities, and users from both: what joins two of a kind carries nothing. So it does
    not matter whether entities, items and users come together or one after the other.

    Args:
        graph: with the new nodes.
        edges: the new ones, no repeats of interactions among them.
        old: how many nodes of each type were there.
        useful: from `useful_nodes`.
    """
    found = []
    for edge_type, part in carrying(graph, edges, useful).items():
        src_type, _, dst_type = edge_type
        new_src, new_dst = part.src >= old[src_type], part.dst >= old[dst_type]
        ranks = _rank(graph, src_type), _rank(graph, dst_type)
        for backwards, hears in (
            (False, new_dst & (~new_src | (ranks[0] < ranks[1]))),
            (True, new_src & (~new_dst | (ranks[1] < ranks[0]))),
        ):
            kept = np.flatnonzero(hears)
            if len(kept):
                senders, receivers = (part.dst, part.src) if backwards else (part.src, part.dst)
                found.append(
                    Incoming(
                        edge_type=edge_type,
                        backwards=backwards,
                        receivers=receivers[kept] - old[src_type if backwards else dst_type],
                        senders=senders[kept],
                        weight=part.weight[kept],
                    )
                )
    return found


def useful_nodes(
    graph: KnowledgeGraph, edges: Mapping[EdgeType, Edges], old: Mapping[str, BoolArray]
) -> dict[str, BoolArray]:
    """Return which nodes carry anything (`gnn.messages.connecting`), newcomers among them.

    An old dead end stays one, whoever comes to it. A new entity carries something if it has a text
    or hears of a node that was there.

    Args:
        graph: with the new nodes.
        edges: the new ones.
        old: the same of the graph before.
    """
    found = dict(old)
    for kind, nodes in graph.nodes.items():
        before = len(old[kind])
        if len(nodes) == before:
            continue
        new = np.ones(len(nodes) - before, dtype=np.bool_)
        if kind not in (graph.user_type, graph.item_type):
            new[:] = [bool(text) for text in nodes.text[before:].to_pylist()]
            for (src_type, _, dst_type), part in edges.items():
                if src_type == kind:
                    new[part.src[part.dst < len(old[dst_type])] - before] = True
                if dst_type == kind:
                    new[part.dst[part.src < len(old[src_type])] - before] = True
        found[kind] = np.concatenate([old[kind], new])
    return found


def _rank(graph: KnowledgeGraph, kind: str) -> int:
    return {graph.item_type: 1, graph.user_type: 2}.get(kind, 0)
