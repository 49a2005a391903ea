"""Linear layers in eight bits, for CPUs."""

import warnings
from typing import Any

import torch

from kg.errors import ConfigError


def check_int8() -> None:
    """Check that this CPU multiplies bytes.

    Raises:
        ConfigError: it has no VNNI, without which eight bits are neither exact nor faster.
    """
    supported = getattr(torch.cpu, "_is_vnni_supported", None)
    if supported is None or not supported():
        raise ConfigError("dtype = 'int8' needs a CPU with VNNI, which this one has not")


def quantise_linear(model: torch.nn.Module) -> None:
    """Replace every linear layer of `model` by one that multiplies bytes, in place."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is torch.nn.Linear:
                setattr(parent, name, Int8Linear(child))


class Int8Linear(torch.nn.Module):
    """Multiplies bytes: weights with a scale per output, inputs with a scale per token.

    A scale for the whole input, as in torch's own dynamic quantisation, lets the few large
    coordinates of one token take the precision of all others.
    """

    def __init__(self, linear: torch.nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach().float()
        scale = (weight.abs().amax(dim=1) / 127).clamp_min(1e-12)
        with warnings.catch_warnings():
            # Of tensors that carry a scale; the replacement has no kernel for CPUs yet.
            warnings.filterwarnings("ignore", message=".*quantized tensor creation")
            rounded = torch.quantize_per_channel(
                weight, scale.double(), torch.zeros(len(scale), dtype=torch.long), 0, torch.qint8
            )
        self._packed: Any = torch.ops.quantized.linear_prepack(rounded, None)
        self._bias = None if linear.bias is None else linear.bias.detach().float()
        # Some models look at the precision of their weights.
        self.weight = torch.empty(0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `x` times the weights, plus the bias, float32."""
        # The operator has one scale for all rows: they are made alike before, and unlike after.
        scale = x.abs().amax(dim=-1, keepdim=True).clamp_min(1e-12)
        y: torch.Tensor = torch.ops.quantized.linear_dynamic(x / scale, self._packed, False)
        y = y.mul_(scale)
        return y if self._bias is None else y.add_(self._bias)
