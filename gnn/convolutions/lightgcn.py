"""LightGCN: interactions only, and nothing to learn in a hop."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from gnn.adjacency import Propagation
from gnn.convolutions.base import Convolution, Messages, summed
from gnn.layers import EdgeType


class LightGraphConv(Convolution):
    r"""He et al. 2020, LightGCN, eq. 3, over the interactions of all domains as one relation.

    .. math:: h'_v = \sum_{u \in N(v)} \frac{w_{uv}}{\sqrt{d(u) d(v)}} h_u

    The degrees d are those in all domains together. The paper takes the mean of the hops; here they
    are added up, which is the same times their number, and as long as the biases expect.

    Args:
        interactions: the relations that are interactions; the others carry nothing.
    """

    learned_mixture = False
    knowledge = False

    def __init__(self, interactions: Sequence[EdgeType]) -> None:
        super().__init__()
        self.interactions = list(interactions)

    def forward(
        self,
        h: Mapping[str, Tensor],
        propagations: Mapping[EdgeType, Propagation],
        receivers: Mapping[str, int] | None = None,
    ) -> Messages:
        """Return summed messages, see `Convolution`."""
        messages = []
        to_src: dict[EdgeType, Tensor] = {}
        for edge_type, (users, items) in shares(propagations, self.interactions).items():
            user, _, item = edge_type
            propagation = propagations[edge_type]
            if user in h:
                sums = propagation(h[user] * users)
                messages.append((item, sums * items[: len(sums)]))
            if item in h:
                sums = propagation.reverse(h[item] * items)
                to_src[edge_type] = sums * users[: len(sums)]
                messages.append((user, to_src[edge_type]))
        return summed(messages), to_src


def shares(
    propagations: Mapping[EdgeType, Propagation], interactions: Sequence[EdgeType]
) -> dict[EdgeType, tuple[Tensor, Tensor]]:
    """Return what turns the normalisation within a domain into that over all domains.

    It is the root of the share that the domain has of the degree of each user, `[num_users, 1]`,
    and of each item, `[num_items, 1]`.
    """
    domains = {edge_type: propagations[edge_type] for edge_type in interactions}
    of_users = torch.stack([p.out_degree for p in domains.values()]).sum(0).clamp(min=1e-12)
    of_items = torch.stack([p.in_degree for p in domains.values()]).sum(0).clamp(min=1e-12)
    return {
        edge_type: (
            (propagation.out_degree / of_users).sqrt()[:, None],
            (propagation.in_degree / of_items).sqrt()[:, None],
        )
        for edge_type, propagation in domains.items()
    }
