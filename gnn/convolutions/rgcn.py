"""R-GCN: a weight matrix for each relation, made of a few that all share."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from gnn.adjacency import Propagation
from gnn.convolutions.base import Convolution, Messages, own_rows, summed
from gnn.layers import EdgeType, NearIdentity, gate_name

BASES = 4


class RelationalConv(Convolution):
    r"""Schlichtkrull et al. 2018, eq. 2 with the basis decomposition of eq. 3.

    .. math::
        h'_v = \sigma\Bigl(W_0 h_v + \sum_r \sum_{u \in N_r(v)} c_{uv} W_r h_u\Bigr), \quad
        W_r = \sum_b a_{rb} V_b

    The normaliser c is that of `light`, as the paper leaves it to the problem. It starts at
    `light`: :math:`V_1` at the identity, the other bases at random rotations, :math:`a_r` at the
    relation's first gate and zeros, :math:`W_0` at 0; and :math:`\sigma` is a PReLU of slope 1 at
    first, which is the identity and may become the ReLU of the paper.

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
        names = {
            direction + gate_name(edge_type): value
            for edge_type, value in initial.items()
            for direction in ("", "rev_")
        }
        num_bases = min(BASES, len(names))
        bases = torch.stack([torch.eye(width) for _ in range(num_bases)])
        for basis in bases[1:]:
            nn.init.orthogonal_(basis)
        # stored times the width, so that the learning rate of gates suits, see `NearIdentity`
        self.bases = nn.Parameter(bases * width)
        self.coefficients = nn.ParameterDict(
            {
                name: nn.Parameter(torch.tensor([value] + [0.0] * (num_bases - 1)))
                for name, value in names.items()
            }
        )
        self.root = NearIdentity(width, start=0.0)
        self.activation = nn.PReLU(init=1.0)

    def forward(
        self,
        h: Mapping[str, Tensor],
        propagations: Mapping[EdgeType, Propagation],
        receivers: Mapping[str, int] | None = None,
    ) -> Messages:
        """Return the rows of the next hop, see `Convolution`."""
        messages = [
            (node_type, self.root(rows)) for node_type, rows in own_rows(h, receivers).items()
        ]
        to_src: dict[EdgeType, Tensor] = {}
        for edge_type, propagation in propagations.items():
            src, _, dst = edge_type
            name = gate_name(edge_type)
            if src in h:
                messages.append((dst, propagation(h[src]) @ self._matrix(name)))
            if dst in h:
                to_src[edge_type] = propagation.reverse(h[dst]) @ self._matrix("rev_" + name)
                messages.append((src, to_src[edge_type]))
        return {t: self.activation(rows) for t, rows in summed(messages).items()}, to_src

    def _matrix(self, name: str) -> Tensor:
        width = self.bases.shape[-1]
        return torch.einsum("b,bij->ij", self.coefficients[name] / width, self.bases)
