"""What layers share: names of parameters, and maps that start at the identity."""

import torch
from torch import Tensor, nn

from gnn.names import EdgeType, gate_name, parameter_name

__all__ = ["EdgeType", "NearIdentity", "gate_name", "parameter_name"]


class NearIdentity(nn.Module):
    r"""A linear map that starts at a multiple of the identity: y = s x + x M / width, M = 0.

    Vectors that start from data keep their meaning through it. Dividing by the width is muP's rule
    for Adam (Yang et al. 2021, Tensor Programs V): one step of rate r moves the map by at most r in
    spectral norm, as it moves a gate, so that both share a learning rate.

    Args:
        width: of x.
        start: s.
        blocks: so many maps of equal size, one for each head, side by side.
    """

    def __init__(self, width: int, start: float = 1.0, blocks: int = 1) -> None:
        super().__init__()
        self.start, self.size = start, width // blocks
        self.weight = nn.Parameter(torch.zeros(blocks, self.size, self.size))

    def forward(self, x: Tensor) -> Tensor:
        """Map rows, `[num_nodes, width]` to the same."""
        heads = x.view(len(x), x.shape[1] // self.size, self.size).transpose(0, 1)
        mapped = torch.bmm(heads, self.weight / self.size).transpose(0, 1).reshape(x.shape)
        return x * self.start + mapped if self.start else mapped
