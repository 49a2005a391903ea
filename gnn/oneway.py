"""Propagation in which each edge has a direction: newcomers hear, and are not heard."""

import torch
from torch import Tensor

from gnn.adjacency import Adjacency, Edges, Propagation


class OneWay(Propagation):
    """An `Adjacency` whose values differ by direction.

    Args:
        src: source rows, int64 `[num_edges]`, no (src, dst) pair twice.
        dst: destination rows.
        out_degree: of the sources, in the graph that the edges are part of, float `[num_src]`.
        in_degree: of the destinations, float `[num_dst]`.
        forwards: what each edge carries to its destination, 0 for nothing.
        backwards: what it carries to its source.
    """

    def __init__(
        self,
        src: Tensor,
        dst: Tensor,
        out_degree: Tensor,
        in_degree: Tensor,
        forwards: Tensor,
        backwards: Tensor,
    ) -> None:
        num_src, num_dst = len(out_degree), len(in_degree)
        order = torch.argsort(dst * num_src + src)  # that of `Adjacency`
        adjacency = Adjacency(src, dst, num_src, num_dst)
        super().__init__(adjacency, forwards[order], forwards[order])
        self._back = Propagation(adjacency, backwards[order], backwards[order])
        self.to_src = self._back.to_src
        # instead of those of the few edges that are here
        self.out_degree, self.in_degree = out_degree, in_degree

    @property
    def reverse_edges(self) -> Edges:
        """The edges from destinations to sources."""
        return self._back.reverse_edges
