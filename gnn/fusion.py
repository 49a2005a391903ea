"""What is known of a node before any message: features, and a vector learned for warm nodes."""

import torch
from torch import Tensor, nn


class NodeInput(nn.Module):
    """Input embedding of one node type: W x + b + residual, the residual only where warm.

    Cold nodes do without the residual, so a new node needs no training to get an embedding. Only
    items have residuals at all: users are what they did, entities what they are linked to. The
    projection is linear because it starts at principal components (`gnn.start`): a random hidden
    layer would only blur them.

    Args:
        num_nodes: nodes of the type.
        width: of the embedding.
        in_channels: width of `x`, 0 if the type has no features.
        residual: whether nodes get a learned vector.
    """

    def __init__(self, num_nodes: int, width: int, in_channels: int, residual: bool) -> None:
        super().__init__()
        self.residual = nn.Parameter(torch.zeros(num_nodes, width)) if residual else None
        self.project = nn.Linear(in_channels, width) if in_channels else None

    def forward(self, x: Tensor | None, cold: Tensor | None) -> Tensor | None:
        """Return embeddings `[num_nodes, width]`, None where nothing is known of the whole type.

        Args:
            x: features `[num_nodes, in_channels]`; a zero row means that nothing is known.
            cold: bool `[num_nodes]`, nodes that do without their residual; None if all are warm.
        """
        parts: list[Tensor] = []
        if self.project is not None and x is not None:
            parts.append(self.project(x) * (x != 0).any(dim=1, keepdim=True))
        if self.residual is not None:
            parts.append(self.residual if cold is None else self.residual * ~cold[:, None])
        return sum(parts[1:], parts[0]) if parts else None
