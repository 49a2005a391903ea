"""What is carried: the inputs of every node, which stand still, so that they are made once."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from gnn.decoupled.paths import Root, roots
from gnn.model import TransferGNN
from gnn.views import View

Allocate = Callable[[int, int], Tensor]  # rows and columns to a float32 tensor on the CPU

BLOCK_BYTES = 67_108_864  # of vectors made at once


class Inputs:
    """Projected channels of every node, and the residuals of items.

    What differs between worlds is masked when it is read: a cold item has no residual, a user who
    has lost an edge of a domain no history of it.

    Args:
        model: the network; what `TransferGNN.from_data` returns must stand still.
        x: channels by node type and name, `[num_nodes, in_channels]`.
        allocate: makes the arrays, such as files that are mapped into memory.
    """

    def __init__(
        self, model: TransferGNN, x: Mapping[str, Mapping[str, Tensor]], allocate: Allocate
    ) -> None:
        self._model, self._x, self._allocate = model, x, allocate
        self.width, self.device = len(model.part), model.part.device
        self.roots = roots(model)
        self._stores: dict[Root, Tensor] = {}

    @property
    def bytes(self) -> int:
        """Size of the arrays."""
        return sum(
            4 * self._model.num_nodes[root.node_type] * self.width
            for root in self.roots
            if self._has_channels(root)
        )

    @torch.no_grad()
    def make(self) -> None:
        """Make the arrays, or make them again after the weights of the network were replaced."""
        size = max(1, BLOCK_BYTES // (4 * self.width))
        for root in filter(self._has_channels, self.roots):
            num_nodes = self._model.num_nodes[root.node_type]
            if root not in self._stores:
                self._stores[root] = self._allocate(num_nodes, self.width)
            layer, store = self._model.node_input(root.node_type), self._stores[root]
            x = self._x.get(root.node_type, {})
            for first in range(0, num_nodes, size):
                rows = slice(first, first + size)
                here = {channel: of[rows].to(self.device) for channel, of in x.items()}
                if root.history is None:
                    made = layer.content(here)
                    assert made is not None
                else:
                    made, _ = layer.value(root.history, here[root.history])
                store[rows] = made.float().cpu()

    def rows(self, root: Root, rows: Tensor, view: View) -> Tensor:
        """Return the inputs of some nodes, `[len(rows), width]`, in a world."""
        return self._masked(root, rows, slice(None), view)

    def columns(self, root: Root, columns: slice, view: View) -> Tensor:
        """Return some coordinates of the inputs of all nodes, in a world."""
        return self._masked(root, slice(None), columns, view)

    def _masked(self, root: Root, rows: Tensor | slice, columns: slice, view: View) -> Tensor:
        parts = []
        if root in self._stores:
            store = self._stores[root]
            at = rows.cpu() if isinstance(rows, Tensor) else rows
            parts.append(store[at][:, columns].to(self.device))
        if root.history is not None:
            hidden = view.hidden_channels.get(root.node_type, {}).get(root.history)
            return parts[0] if hidden is None else parts[0] * ~hidden[rows, None]
        residual = self._model.node_input(root.node_type).residual
        if residual is not None:
            warm = ~view.cold_items[rows, None]
            parts.append(residual.detach()[rows][:, columns] * warm)
        return sum(parts[1:], parts[0])

    def _has_channels(self, root: Root) -> bool:
        if root.history is not None:
            return True
        own = [other.history for other in self.roots if other.node_type == root.node_type]
        return len(self._model.node_input(root.node_type).names) > len(own) - 1
