"""One step of the light network, without its gate."""

import torch
from torch import Tensor

from gnn.convolutions.lightgcn import LightGraphConv, shares
from gnn.decoupled.paths import Step
from gnn.model import TransferGNN
from gnn.views import View


class Carrier:
    """Carries coordinates of all nodes over the relations of a world; nothing mixes coordinates.

    Args:
        model: a network that `can_decouple`.
        view: which edges are visible.
    """

    def __init__(self, model: TransferGNN, view: View) -> None:
        self._view = view
        first = model.convs[0]
        joint = isinstance(first, LightGraphConv)
        self._shares = shares(view.propagations, model.interactions) if joint else {}

    def __call__(self, step: Step, h: Tensor) -> Tensor:
        """Return what every node at the end of a step gets, `[num_ends, columns]`."""
        propagation = self._view.propagations[step.edge_type]
        carry = propagation.reverse if step.reverse else propagation
        if not self._shares:
            return carry(h)
        of_src, of_dst = self._shares[step.edge_type]
        before, after = (of_dst, of_src) if step.reverse else (of_src, of_dst)
        return carry(h * before) * after

    def near(self, name: str, h: Tensor) -> Tensor:
        """Return the weighed means of the text neighbours of items, `[num_items, columns]`."""
        return torch.as_tensor(self._view.near[name](h))
