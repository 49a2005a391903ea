"""The visible edges of one relation, both ways: whom to draw, and how much it weighs."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from gnn.adjacency import Adjacency
from gnn.sampling.csr import NeighbourIndex, numbers_below
from gnn.sampling.neighbours import sample

_ROUNDING = 1e-9  # a share of a sum that is left when all of it is subtracted


class Drawn(NamedTuple):
    """Edges to some nodes, those of a node side by side.

    Attributes:
        receivers: positions among the nodes that were asked for, int64 `[num_drawn]`, sorted.
        senders: nodes that they hear, int64.
        weight: of the edges, times visible edges over drawn ones of the receiver, float32.
    """

    receivers: Tensor
    senders: Tensor
    weight: Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Relation:
    """The visible edges of a relation. Edges are numbered as `to_dst` holds them.

    Attributes:
        to_dst: whom each destination hears.
        to_src: whom each source hears.
        weight: by number, float32 `[num_edges]`; None where all are 1.
        in_degree: sums of the weights of visible edges at each destination, float64 `[num_dst]`.
        out_degree: the same at each source.
    """

    to_dst: NeighbourIndex
    to_src: NeighbourIndex
    weight: Tensor | None
    in_degree: Tensor
    out_degree: Tensor

    @classmethod
    def of(cls, adjacency: Adjacency) -> "Relation":
        """Return all edges of an adjacency, whose arrays are shared."""
        a, number = adjacency, len(adjacency)
        to_dst = NeighbourIndex(
            num_src=a.num_src,
            rows=a.forward_rows,
            columns=a.src,
            edges=torch.arange(number, dtype=numbers_below(number), device=a.src.device),
        )
        to_src = NeighbourIndex(
            num_src=a.num_dst,
            rows=a.transpose_rows,
            columns=a.transpose_columns,
            edges=a.to_transpose,
        )
        same = bool((a.weight == 1).all())
        weight = a.weight.double()
        return cls(
            to_dst=to_dst,
            to_src=to_src,
            weight=None if same else a.weight,
            in_degree=weight.new_zeros(a.num_dst).index_add_(0, a.dst, weight),
            out_degree=weight.new_zeros(a.num_src).index_add_(0, a.src, weight),
        )

    def without(self, hidden: Tensor) -> "Relation":
        """Return the relation without some edges, bool `[num_edges]` by number."""
        return self._less(self.to_dst.without(hidden), self.to_src.without(hidden))

    def without_pairs(self, src: Tensor, dst: Tensor) -> "Relation":
        """Return the relation without the edges of some pairs, in both directions."""
        return self._less(self.to_dst.without_pairs(src, dst), self.to_src.without_pairs(dst, src))

    def draw(
        self, nodes: Tensor, fan_out: int, generator: torch.Generator | None, *, forwards: bool
    ) -> Drawn:
        """Draw edges to some nodes.

        Args:
            nodes: destinations, or sources where messages go backwards, int64.
            fan_out: how many edges each hears at most; -1 for all.
            generator: source of randomness.
            forwards: from sources to destinations, or back.
        """
        index = self.to_dst if forwards else self.to_src
        found = sample(index, nodes, fan_out, generator=generator)
        share = torch.ones(len(nodes), device=nodes.device)
        if fan_out >= 0:
            share = (index.degree(nodes) / fan_out).clamp(min=1.0)
        weight = share[found.picked]
        if self.weight is not None:
            weight = weight * self.weight[found.edges]
        return Drawn(found.picked, found.neighbours, weight)

    def _less(self, to_dst: NeighbourIndex, to_src: NeighbourIndex) -> "Relation":
        gone, dst = to_dst.taken()
        src = to_dst.columns[gone].long()
        lost = (
            torch.ones(len(gone), device=gone.device) if self.weight is None else self.weight[gone]
        )
        return replace(
            self,
            to_dst=to_dst,
            to_src=to_src,
            in_degree=_subtract(self.in_degree, dst, lost),
            out_degree=_subtract(self.out_degree, src, lost),
        )


def _subtract(degree: Tensor, nodes: Tensor, lost: Tensor) -> Tensor:
    less = degree.index_add(0, nodes, -lost.double())
    return less * (less > degree * _ROUNDING)
