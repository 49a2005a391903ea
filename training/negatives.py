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


@dataclass(frozen=True)
class Pool:
    """What negatives are drawn from, with q proportional to popularity^power.

    Attributes:
        rows: of items, int64 `[num_pool]`.
        mass: popularity^power of each, float `[num_pool]`.
        cumulative: the same, summed up.
    """

    rows: Tensor
    mass: Tensor
    cumulative: Tensor

    @classmethod
    def of(cls, rows: Tensor, popularity: Tensor, power: float) -> "Pool":
        """Return a pool of items.

        Args:
            rows: int64 `[num_pool]`.
            popularity: training interactions by item row, float `[num_items]`.
            power: 0 for uniform, 1 for popularity.
        """
        mass = popularity[rows].clamp(min=1).pow(power)
        return cls(rows, mass, mass.cumsum(0))

    def draw(self, n: int, generator: torch.Generator) -> Negatives:
        """Draw `n` negatives with replacement; the generator is on the pool's device."""
        cumulative = self.cumulative
        uniform = torch.rand(n, generator=generator, device=self.rows.device, dtype=self.mass.dtype)
        drawn = torch.searchsorted(cumulative, uniform * cumulative[-1])
        drawn = drawn.clamp(max=len(self.rows) - 1)
        return Negatives(self.rows[drawn], (n * self.mass[drawn] / cumulative[-1]).log())


def draw(
    pool: Tensor, popularity: Tensor, power: float, n: int, generator: torch.Generator
) -> Negatives:
    """Draw `n` negatives from items that nobody draws from again, see `Pool`."""
    return Pool.of(pool, popularity, power).draw(n, generator)
