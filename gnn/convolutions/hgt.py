"""HGT: one attention over all relations, with matrices by type of node and of edge."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from gnn.adjacency import Edges, Propagation
from gnn.convolutions.attention import HEADS, dots, gather, redistribute
from gnn.convolutions.base import Convolution, Messages, own_rows, summed
from gnn.layers import EdgeType, NearIdentity, gate_name, parameter_name


class HeteroTransformerConv(Convolution):
    r"""Hu et al. 2020, Heterogeneous Graph Transformer, eqs. 3 to 5.

    .. math::
        l_{uv} = \mu_r \frac{(K_{t(u)} h_u\, A_r) \cdot (Q_{t(v)} h_v)}{\sqrt{d}}, \quad
        \alpha_{uv} \propto g_r c_{uv} e^{l_{uv}}, \quad
        h'_v = s_{t(v)} h_v + O_{t(v)}\, \sigma\Bigl(\sum_{r,u} \alpha_{uv} V_{t(u)} h_u M_r\Bigr)

    with the softmax over neighbours of all relations, for each head. The coefficients c of `light`,
    times a learned positive number g for each relation, are the prior: attention moves what
    they give a node from one neighbour to another. It starts at `light`: :math:`\mu` and s at 0, g
    at the relation's first gate, every matrix at the identity, and :math:`\sigma`, a PReLU, too.
    In the paper :math:`\sigma` is GELU, in which half of a spectral vector would be lost.

    Args:
        part: which part each coordinate belongs to, int64 `[width]`.
        initial: relations, with what a message over each is worth at first.
        node_types: all of them.
    """

    def __init__(
        self, part: Tensor, initial: Mapping[EdgeType, float], node_types: Sequence[str]
    ) -> None:
        super().__init__()
        width = len(part)
        self.heads = math.gcd(width, HEADS)
        types = [parameter_name(node_type) for node_type in node_types]
        names = {
            direction + gate_name(edge_type): value
            for edge_type, value in initial.items()
            for direction in ("", "rev_")
        }
        self.key, self.query, self.value, self.out = (
            nn.ModuleDict({name: NearIdentity(width) for name in types}) for _ in range(4)
        )
        self.key_relation, self.value_relation = (
            nn.ModuleDict({name: NearIdentity(width, blocks=self.heads) for name in names})
            for _ in range(2)
        )
        self.prior = nn.ParameterDict(
            {name: nn.Parameter(torch.zeros(self.heads)) for name in names}
        )
        self.log_gates = nn.ParameterDict(
            {
                name: nn.Parameter(torch.full((self.heads,), math.log(value)))
                for name, value in names.items()
            }
        )
        self.skip = nn.ParameterDict({name: nn.Parameter(torch.zeros(())) for name in types})
        self.activation = nn.PReLU(init=1.0)

    def forward(
        self,
        h: Mapping[str, Tensor],
        propagations: Mapping[EdgeType, Propagation],
        receivers: Mapping[str, int] | None = None,
    ) -> Messages:
        """Return the rows of the next hop, see `Convolution`."""
        by_receiver: dict[str, list[tuple[EdgeType, str, str, Edges]]] = {}
        for edge_type, propagation in propagations.items():
            src, _, dst = edge_type
            name = gate_name(edge_type)
            if src in h:
                sent = (edge_type, name, src, propagation.edges)
                by_receiver.setdefault(dst, []).append(sent)
            if dst in h:
                sent = (edge_type, "rev_" + name, dst, propagation.reverse_edges)
                by_receiver.setdefault(src, []).append(sent)
        own = own_rows(h, receivers)
        keys, queries, values = (
            {t: maps[parameter_name(t)](rows) for t, rows in some.items()}
            for maps, some in ((self.key, h), (self.query, own), (self.value, h))
        )
        out: dict[str, Tensor] = {}
        to_src: dict[EdgeType, Tensor] = {}
        for receiver, relations in by_receiver.items():
            edges = [e for _, _, _, e in relations]
            priors = [e.values[:, None] * self.log_gates[n].exp() for _, n, _, e in relations]
            logits = [
                self._logits(name, keys[sender], queries.get(receiver), e)
                for _, name, sender, e in relations
            ]
            messages = []
            weights = redistribute(priors, logits, edges)
            for weight, (edge_type, name, sender, e) in zip(weights, relations, strict=True):
                message = gather(weight, self.value_relation[name](values[sender]), e)
                messages.append((receiver, message))
                if name.startswith("rev_"):
                    to_src[edge_type] = message
            total = summed(messages)[receiver]
            out[receiver] = self.out[parameter_name(receiver)](self.activation(total))
        for node_type, rows in own.items():
            kept = rows * self.skip[parameter_name(node_type)]
            out[node_type] = out[node_type] + kept if node_type in out else kept
        return out, to_src

    def _logits(self, name: str, key: Tensor, query: Tensor | None, edges: Edges) -> Tensor:
        """Return logits `[num_edges, heads]`: 0 where receivers have nothing to ask with."""
        if query is None:
            return edges.values.new_zeros(len(edges.values), self.heads)
        scale: Tensor = self.prior[name] / math.sqrt(key.shape[1] // self.heads)
        return dots(self.key_relation[name](key), query, edges, self.heads) * scale
