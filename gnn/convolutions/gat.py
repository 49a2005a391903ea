"""GAT: neighbours weigh as much as an attention says."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from gnn.adjacency import Edges, Propagation
from gnn.convolutions.attention import EDGES_AT_ONCE, HEADS, gather, redistribute
from gnn.convolutions.base import Convolution, Messages, own_rows, summed
from gnn.layers import EdgeType, NearIdentity, gate_name

SLOPE = 0.2


class AttentionConv(Convolution):
    r"""Brody et al. 2022, GATv2, eq. 7, one for each relation and direction, with their sum.

    .. math::
        h'_v = \sigma\Bigl(\sum_r g_r \sum_{u \in N_r(v)} \alpha_{uv} W_r h_u\Bigr), \quad
        \alpha_{uv} \propto c_{uv} \exp\bigl(a_r^\top \mathrm{LeakyReLU}(W_r h_u + U_r h_v)\bigr)

    The coefficients :math:`c` of `light` are the prior: attention moves what they give a node from
    one neighbour to another (`gnn.convolutions.attention.redistribute`). It starts at `light`: a at
    0, W and U at the identity, g at the relation's first gate and :math:`\sigma`, a PReLU, at the
    identity.

    Args:
        part: which part each coordinate belongs to, int64 `[width]`.
        initial: relations, with what a message over each is worth at first.
        node_types: all of them; not used.
    """

    def __init__(
        self, part: Tensor, initial: Mapping[EdgeType, float], node_types: Sequence[str]
    ) -> None:
        super().__init__()
        width = len(part)
        self.heads = math.gcd(width, HEADS)
        names = {
            direction + gate_name(edge_type): value
            for edge_type, value in initial.items()
            for direction in ("", "rev_")
        }
        self.gates = nn.ParameterDict(
            {name: nn.Parameter(torch.full((self.heads,), value)) for name, value in names.items()}
        )
        self.attention = nn.ParameterDict({n: nn.Parameter(torch.zeros(width)) for n in names})
        self.of_src = nn.ModuleDict({name: NearIdentity(width) for name in names})
        self.of_dst = nn.ModuleDict({name: NearIdentity(width) for name in names})
        self.activation = nn.PReLU(init=1.0)

    def forward(
        self,
        h: Mapping[str, Tensor],
        propagations: Mapping[EdgeType, Propagation],
        receivers: Mapping[str, int] | None = None,
    ) -> Messages:
        """Return the rows of the next hop, see `Convolution`."""
        messages, own = [], own_rows(h, receivers)
        to_src: dict[EdgeType, Tensor] = {}
        for edge_type, propagation in propagations.items():
            src, _, dst = edge_type
            name = gate_name(edge_type)
            if src in h:
                messages.append((dst, self._attend(name, h[src], own.get(dst), propagation.edges)))
            if dst in h:
                edges = propagation.reverse_edges
                to_src[edge_type] = self._attend("rev_" + name, h[dst], own.get(src), edges)
                messages.append((src, to_src[edge_type]))
        return {t: self.activation(rows) for t, rows in summed(messages).items()}, to_src

    def _attend(self, name: str, h_src: Tensor, h_dst: Tensor | None, edges: Edges) -> Tensor:
        x = self.of_src[name](h_src)
        y = None if h_dst is None else self.of_dst[name](h_dst)
        logits = _logits(x, y, self.attention[name], edges, self.heads)
        (values,) = redistribute([edges.values[:, None]], [logits], [edges])
        return gather(values * self.gates[name], x, edges)


def _logits(x: Tensor, y: Tensor | None, attention: Tensor, edges: Edges, heads: int) -> Tensor:
    """Return logits `[num_edges, heads]`; without rows of receivers they are those of senders."""
    if y is None:
        return _weigh(x, attention, heads)[edges.src]

    def pairs(start: int) -> Tensor:
        some = slice(start, start + EDGES_AT_ONCE)
        rows = x.index_select(0, edges.src[some]) + y.index_select(0, edges.dst[some])
        return _weigh(rows, attention, heads)

    # without checkpoints a row for each edge would be held for the backward pass
    starts = range(0, max(len(edges.src), 1), EDGES_AT_ONCE)
    return torch.cat(
        [checkpoint(pairs, s, use_reentrant=False, preserve_rng_state=False) for s in starts]
    )


def _weigh(rows: Tensor, attention: Tensor, heads: int) -> Tensor:
    bent = functional.leaky_relu(rows.float(), SLOPE) * attention
    return bent.view(len(rows), heads, bent.shape[1] // heads).sum(-1)
