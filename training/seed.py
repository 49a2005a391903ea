"""One seed, many independent streams: no library code draws from a global generator."""

import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # whoever only answers does without torch
    import torch


def rng(seed: int, purpose: str) -> np.random.Generator:
    """Return a NumPy generator for one purpose; adding a purpose never shifts another's draws."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])


def generator(seed: int, purpose: str, device: str = "cpu") -> "torch.Generator":
    """Return a torch generator for one purpose."""
    import torch

    made = torch.Generator(device=device)
    made.manual_seed(int(rng(seed, purpose).integers(2**62)))
    return made
