"""GraphSAGE: a node's own row and the mean of its neighbours', each through a weight matrix."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from gnn.adjacency import Propagation
from gnn.convolutions.base import Convolution, Messages, own_rows, summed
from gnn.layers import EdgeType, NearIdentity, gate_name, parameter_name


class SampleMeanConv(Convolution):
    r"""Hamilton et al. 2017, algorithm 1 with the mean aggregator, summed over relations.

    .. math::
        h'_v = \sigma\Bigl(W_{t(v)} h_v + \sum_r W_r\,
        \frac{\sum_{u \in N_r(v)} w_{uv} h_u}{\sum_{u \in N_r(v)} w_{uv}}\Bigr)

    All neighbours are taken, not a sample. :math:`W_r` starts at the identity times the relation's
    first gate, :math:`W_{t(v)}` at 0, and :math:`\sigma`, a PReLU, at the identity: what is left
    between it and `light` is the mean, which does not discount popular neighbours.

    Args:
        part: which part each coordinate belongs to, int64 `[width]`.
        initial: relations, with what a message over each is worth at first.
        node_types: all of them.
    """

    def __init__(
        self, part: Tensor, initial: Mapping[EdgeType, float], node_types: Sequence[str]
    ) -> None:
        super().__init__()
        self.own = nn.ModuleDict(
            {parameter_name(t): NearIdentity(len(part), start=0.0) for t in node_types}
        )
        self.weights = nn.ModuleDict(
            {
                direction + gate_name(edge_type): NearIdentity(len(part), start=value)
                for edge_type, value in initial.items()
                for direction in ("", "rev_")
            }
        )
        self.activation = nn.PReLU(init=1.0)

    def forward(
        self,
        h: Mapping[str, Tensor],
        propagations: Mapping[EdgeType, Propagation],
        receivers: Mapping[str, int] | None = None,
    ) -> Messages:
        """Return the rows of the next hop, see `Convolution`."""
        own = own_rows(h, receivers)
        messages = [(t, self.own[parameter_name(t)](rows)) for t, rows in own.items()]
        to_src: dict[EdgeType, Tensor] = {}
        for edge_type, propagation in propagations.items():
            src, _, dst = edge_type
            name = gate_name(edge_type)
            # D_v^-1 A is D_v^-1/2 (D_v^-1/2 A D_u^-1/2) D_u^1/2: the sparse product is there
            of_src = propagation.out_degree.clamp(min=1e-12).sqrt()[:, None]
            of_dst = propagation.in_degree.clamp(min=1e-12).sqrt()[:, None]
            if src in h:
                sums = propagation(h[src] * of_src)
                messages.append((dst, self.weights[name](sums / of_dst[: len(sums)])))
            if dst in h:
                sums = propagation.reverse(h[dst] * of_dst)
                to_src[edge_type] = self.weights["rev_" + name](sums / of_src[: len(sums)])
                messages.append((src, to_src[edge_type]))
        return {t: self.activation(rows) for t, rows in summed(messages).items()}, to_src
