"""Shared negatives: one draw for a whole batch, with what the loss must know of it."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Negatives:
    """One draw.

    Attributes:
        items: rows, int64 `[n]`.
        log_expected: log of the expected number of times each was drawn, log(n q), `[n]`.
    """

    items: Tensor
    log_expected: Tensor


def draw(
    pool: Tensor, popularity: Tensor, power: float, n: int, generator: torch.Generator
) -> Negatives:
    """Draw `n` negatives from `pool` with replacement, q proportional to popularity^power.

    Args:
        pool: item rows to draw from, int64 `[num_pool]`.
        popularity: training interactions by item row, float `[num_items]`.
        power: 0 for uniform, 1 for popularity.
        n: how many.
        generator: source of randomness, on the pool's device.
    """
    mass = popularity[pool].clamp(min=1).pow(power)
    cumulative = mass.cumsum(0)
    uniform = torch.rand(n, generator=generator, device=pool.device, dtype=cumulative.dtype)
    drawn = torch.searchsorted(cumulative, uniform * cumulative[-1]).clamp(max=len(pool) - 1)
    return Negatives(pool[drawn], (n * mass[drawn] / cumulative[-1]).log())
