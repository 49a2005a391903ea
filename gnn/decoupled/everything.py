"""Embeddings of all nodes by the light network, some coordinates at a time."""

from copy import copy

import torch
from torch import Tensor

from gnn.convolutions.base import Convolution
from gnn.decoupled.inputs import Allocate
from gnn.decoupled.terms import Terms
from gnn.model import Embeddings, TransferGNN
from gnn.views import View


@torch.no_grad()
def embed_all(model: TransferGNN, terms: Terms, view: View, allocate: Allocate) -> Embeddings:
    """Return embeddings of every node: those of the network, to rounding.

    No hop of the light network mixes coordinates, so that blocks of them are embedded one after the
    other, and what is in memory of all nodes is a block, not what comes out.

    Args:
        model: a network that `can_decouple`.
        terms: for its inputs and blocks.
        view: what is visible.
        allocate: makes the arrays of what comes out.
    """
    width = len(model.part)
    z = {t: allocate(num_nodes, width) for t, num_nodes in model.num_nodes.items()}
    num_users = model.num_nodes[model.user_type]
    views = {edge: allocate(num_users, width) for edge in model.interactions}
    for columns in terms.blocks():
        part = model.part[columns]
        h = _inputs(model, terms, view, columns)
        sums = {t: rows * model.mix[model.names[t]][0][part] for t, rows in h.items()}
        for number, conv in enumerate(model.convs, 1):
            assert isinstance(conv, Convolution)
            h, to_users = _narrow(conv, part)(h, view.propagations)
            for node_type, rows in h.items():
                mixed = rows * model.mix[model.names[node_type]][number][part]
                sums[node_type] = sums[node_type] + mixed if node_type in sums else mixed
            if number == 1:
                for edge, rows in views.items():
                    rows[:, columns] = to_users[edge].cpu()
        items = sums[model.item_type]
        for name, near in view.near.items():
            gate = model.near_gate(name, view.cold_items, part)
            sums[model.item_type] = sums[model.item_type] + gate * near(items)
        for node_type, rows in z.items():
            rows[:, columns] = sums[node_type].cpu() if node_type in sums else 0
    bias = model.item_bias * ~view.cold_items
    return Embeddings(z=z, item_bias=bias, domain_views=views)


def _inputs(model: TransferGNN, terms: Terms, view: View, columns: slice) -> dict[str, Tensor]:
    h: dict[str, Tensor] = {}
    for root in terms.inputs.roots:
        rows = terms.inputs.columns(root, columns, view)
        if root.history is not None:
            layer = model.node_input(root.node_type)
            rows = rows * layer.gates[layer.names[root.history]][model.part[columns]]
        h[root.node_type] = h[root.node_type] + rows if root.node_type in h else rows
    return h


def _narrow(conv: Convolution, part: Tensor) -> Convolution:
    """Return a hop over some coordinates: the same weights, another `part`."""
    narrow = copy(conv)
    narrow._buffers = {**conv._buffers, **({"part": part} if "part" in conv._buffers else {})}
    return narrow
