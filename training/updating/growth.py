"""A graph before and after nodes and edges came to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kg.graph import BoolArray, Edges, EdgeType, KnowledgeGraph
from kg.pairs import pairs_among
from kg.vocab import IntArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Growth:
    """Two states of one graph.

    Attributes:
        before: what a model was made with.
        after: the same and more; nothing that was there is gone.
    """

    before: KnowledgeGraph
    after: KnowledgeGraph

    @cached_property
    def rows(self) -> Mapping[str, IntArray]:
        """By node type, the rows that the nodes of before have after, ascending."""
        return {
            kind: self.after.nodes[kind].vocab.index(nodes.vocab.ids)
            for kind, nodes in self.before.nodes.items()
        }

    def is_new(self, kind: str) -> BoolArray:
        """Return which nodes of a type were not there before, bool `[num_nodes]`."""
        new: BoolArray = np.ones(len(self.after.nodes[kind]), dtype=np.bool_)
        new[self.rows[kind]] = False
        return new

    @cached_property
    def new_edges(self) -> Mapping[EdgeType, BoolArray]:
        """By edge type, which edges join what was not joined before, bool `[num_edges]`."""
        return {
            edge_type: self.are_new(edge_type, edges)
            for edge_type, edges in self.after.edges.items()
        }

    def are_new(self, edge_type: EdgeType, edges: Edges) -> BoolArray:
        """Return which of some edges of after join what was not before, bool `[num_edges]`.

        Args:
            edge_type: of the edges.
            edges: all of them, or some.
        """
        before = self.before.edges[edge_type]
        src, dst = self.rows[edge_type[0]], self.rows[edge_type[2]]
        new: BoolArray = np.ones(len(edges), dtype=np.bool_)
        new[pairs_among(edges.src, edges.dst, src[before.src], dst[before.dst])] = False
        return new

    @property
    def new_interactions(self) -> BoolArray:
        """Which interactions are new, bool `[num_interactions]`."""
        return self.new_edges[self.after.interactions]

    def touched(self, kind: str) -> IntArray:
        """Return nodes of a type that were there and that new edges end at; rows of after."""
        hit: BoolArray = np.zeros(len(self.after.nodes[kind]), dtype=np.bool_)
        for edge_type, edges in self.after.edges.items():
            new, (src, _, dst) = self.new_edges[edge_type], edge_type
            for end, rows in ((src, edges.src), (dst, edges.dst)):
                if end == kind:
                    hit[rows[new]] = True
        return np.flatnonzero(hit & ~self.is_new(kind))
