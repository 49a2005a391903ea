"""Relation-aware message passing without weight matrices."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gnn.adjacency import Propagation

EdgeType = tuple[str, str, str]


def parameter_name(name: str) -> str:
    """Return what parameters of a node type or relation of any name may be called.

    Modules refuse dots, and names that are attributes of theirs (`type`, `items`).
    """
    return "of_" + name.replace("%", "%25").replace(".", "%2E")


def gate_name(edge_type: EdgeType) -> str:
    """Return a parameter name for an edge type."""
    return "__".join(parameter_name(part) for part in edge_type)


class LightRelationConv(nn.Module):
    r"""One hop over every relation and its reverse.

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
        self, h: Mapping[str, Tensor], propagations: Mapping[EdgeType, Propagation]
    ) -> tuple[dict[str, Tensor], dict[EdgeType, Tensor]]:
        """Return the summed messages by node type, and what each relation sent to its sources.

        Both hold `[num_nodes, width]`; the second is what each domain alone says of a user. A type
        that `h` lacks sends nothing: no product is made for it.
        """
        out: dict[str, Tensor] = {}
        to_src: dict[EdgeType, Tensor] = {}
        for edge_type, propagation in propagations.items():
            src, _, dst = edge_type
            name = gate_name(edge_type)
            messages = []
            if src in h:
                messages.append((dst, propagation(h[src]) * self._gate(name)))
            if dst in h:
                to_src[edge_type] = propagation.reverse(h[dst]) * self._gate("rev_" + name)
                messages.append((src, to_src[edge_type]))
            for node_type, message in messages:
                out[node_type] = out[node_type] + message if node_type in out else message
        return out, to_src

    def _gate(self, name: str) -> Tensor:
        gate: Tensor = self.gates[name]
        return gate[self.part]
