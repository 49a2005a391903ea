"""Relation-aware message passing without weight matrices: the default."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gnn.adjacency import Propagation
from gnn.convolutions.base import Convolution, Messages, summed
from gnn.layers import EdgeType, gate_name


class LightRelationConv(Convolution):
    r"""One number for each relation, direction and part of the embedding.

    .. math:: h'_v = \sum_{r} g_r \odot \sum_{u \in N_r(v)} \frac{w_{uv}}{\sqrt{d_r(u) d_r(v)}} h_u

    LightGCN (He et al. 2020) summed over relations as in R-GCN (Schlichtkrull et al. 2018), with
    its weight matrices reduced to one number for each part of the embedding. Without them a layer
    is a sparse product, spectral item vectors keep their meaning through it, and a few hundred
    overlapping users are enough to learn what each relation is worth.

    Args:
        part: which part each coordinate belongs to, int64 `[width]`.
        initial: relations, with the first value of their gates; each has a gate for its own
            direction and one for its reverse.
    """

    def __init__(self, part: Tensor, initial: Mapping[EdgeType, float]) -> None:
        super().__init__()
        self.part: Tensor
        self.register_buffer("part", part, persistent=False)
        num_parts = int(part.max()) + 1
        self.gates = nn.ParameterDict(
            {
                direction + gate_name(edge_type): nn.Parameter(torch.full((num_parts,), value))
                for edge_type, value in initial.items()
                for direction in ("", "rev_")
            }
        )

    def forward(
        self,
        h: Mapping[str, Tensor],
        propagations: Mapping[EdgeType, Propagation],
        receivers: Mapping[str, int] | None = None,
    ) -> Messages:
        """Return summed messages, see `Convolution`."""
        messages = []
        to_src: dict[EdgeType, Tensor] = {}
        for edge_type, propagation in propagations.items():
            src, _, dst = edge_type
            name = gate_name(edge_type)
            if src in h:
                messages.append((dst, propagation(h[src]) * self._gate(name)))
            if dst in h:
                to_src[edge_type] = propagation.reverse(h[dst]) * self._gate("rev_" + name)
                messages.append((src, to_src[edge_type]))
        return summed(messages), to_src

    def _gate(self, name: str) -> Tensor:
        gate: Tensor = self.gates[name]
        return gate[self.part]
