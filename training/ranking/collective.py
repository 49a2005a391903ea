"""Factors for which a domain that a user never entered says nothing of the user."""

from copy import copy

import numpy as np

from training.baselines.base import FloatArray
from training.baselines.cmf import domain_masks, factorise, solve_users
from training.baselines.matrices import histories, keep_columns
from training.ranking.fitted import Fitted
from training.ranking.people import People
from training.ranking.weighing import OfFactors
from training.ranking.world import World
from training.seed import rng

WIDTH = 64
PENALTY = 15.0  # of squared factors
SWEEPS = 15  # over users and items
COLLAPSED = 1e-4  # of little data the penalty leaves nothing but rounding


class Collective(OfFactors):
    """Collective matrix factorisation (Singh and Gordon 2008), as the baseline `cmf` has it.

    To weighted least squares a cold user is one who likes nothing of the target. Here the target is
    unobserved, so that what shared users do there is carried over undamped.

    Args:
        world: what may be learned from.
        fitted: keeps the factors.
    """

    def __init__(self, world: World, fitted: Fitted) -> None:
        split = world.split
        self._masks = domain_masks(split)

        def make() -> tuple[FloatArray, FloatArray]:
            matrices = [histories(split, mask) for mask in self._masks]
            start = rng(fitted.seed, "collective").normal(0, 0.1, (len(split.train.items), WIDTH))
            weights = [1.0] * len(matrices)
            _, items = factorise(matrices, self._masks, weights, start, PENALTY, SWEEPS)
            if np.abs(items).max(initial=0) < COLLAPSED:
                items[:] = 0
            return solve_users(matrices, self._masks, weights, items, PENALTY), items

        users, items = fitted.arrays("collective.users", "collective.items", make=make)
        super().__init__("collective", users, items)

    def asked_by(self, people: People) -> "Collective":
        """Return the same for others, who take the place of its users."""
        matrices = [keep_columns(people.history, mask) for mask in self._masks]
        asked, weights = copy(self), [1.0] * len(matrices)
        asked._users = solve_users(matrices, self._masks, weights, self._items, PENALTY)
        return asked
