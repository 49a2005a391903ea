"""What is used together: signals that are sums over the items of the user's own history."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from kg.vocab import IntArray
from queries.explaining.strands import Asker, Strands, Values, outer
from training.baselines.base import FloatArray, Task
from training.baselines.cmf import domain_masks
from training.baselines.ease import EASE
from training.ranking.collective import PENALTY as PENALTY_COLLECTIVE
from training.ranking.fitted import matrix_in
from training.ranking.least_squares import BEFORE, CONFIDENCE, PENALTY
from training.ranking.world import World


class Together:
    """Item-kNN, singular vectors, factors and EASE, by own item and stand-in.

    Args:
        world: what the model has learned from.
        kept: what its signals took long to make, by name.
    """

    def __init__(self, world: World, kept: Mapping[str, Any]) -> None:
        self._kept, self._world = kept, world
        self._similar = matrix_in(kept, "item-kNN")
        self._degree = np.maximum(np.asarray(world.all_history.sum(axis=0)).ravel(), 1)
        self._root = np.sqrt(np.maximum(world.popularity, 1)).astype(np.float32)
        self._masks = domain_masks(world.split)

    def strands(
        self, asker: Asker, item: int, via: IntArray, takes: Values
    ) -> Iterator[tuple[str, list[Strands]]]:
        """Divide signals by name, of an item that takes `takes[j]` of what is said of `via[j]`."""
        adds = self._similar[asker.own][:, via].toarray() * takes
        yield "item-kNN", [outer("together", asker.own, via, adds, item=item)]
        own = asker.history
        scale = max(len(own), 1) ** -0.5 * self._degree[own] ** -0.5
        vectors, strength = self._kept["latent.items"], self._kept["latent.strength"]
        mine = vectors[own] * scale[:, None]
        plain = (mine @ vectors[via].T) * takes
        strong = ((mine * strength) @ vectors[via].T) * takes
        for name, table in (
            ("latent", plain),
            ("latent x popularity", plain * self._root[via]),
            ("latent, strong", strong),
        ):
            yield name, [outer("together", own, via, table.astype(np.float64), item=item)]
        if item >= len(self._degree):  # nobody used it
            return
        if "least squares.items" in self._kept:
            yield "least squares", [self._least_squares(item, own)]
        if "collective.items" in self._kept:
            yield "collective", [self._collective(item, own)]
        if "EASE.inverse" in self._kept:
            says, each = self._ease.divide(own, item)
            yield "EASE", [Strands(kind="together", own=says, adds=each.astype(np.float64))]

    def _least_squares(self, item: int, own: IntArray) -> Strands:
        r"""Divide $p_u \cdot q_i$ by own item: $c\, q_h^\top A_u^{-1} q_i$.

        $A_u$ is the system whose solution $p_u$ is. It is solved by a few steps, for items that
        may have moved since: what is left is no matter of an own item.
        """
        items = self._kept["least squares.items"]
        mine = self._solved[own].astype(np.float64)
        system = self._gram + (CONFIDENCE - 1) * (mine.T @ mine)
        system[np.diag_indices_from(system)] += PENALTY * max(len(own), 1)
        adds = CONFIDENCE * mine @ np.linalg.solve(system, items[item].astype(np.float64))
        return Strands(kind="together", own=own, adds=adds)

    def _collective(self, item: int, own: IntArray) -> Strands:
        r"""Divide $p_u \cdot q_i$ by own item, $q_h^\top A_u^{-1} q_i$, over the domains of $u$."""
        items = self._kept["collective.items"]
        system = PENALTY_COLLECTIVE * np.eye(items.shape[1])
        for mask, gram in zip(self._masks, self._grams, strict=True):
            if mask[own].any():
                system += gram
        own = own[np.any([mask[own] for mask in self._masks], axis=0)]
        solved = np.linalg.solve(system, items[item].astype(np.float64))
        return Strands(kind="together", own=own, adds=items[own].astype(np.float64) @ solved)

    @cached_property
    def _grams(self) -> list[Values]:
        """Products of the collective factors of each domain's items."""
        items = self._kept["collective.items"].astype(np.float64)
        return [items[mask].T @ items[mask] for mask in self._masks]

    @cached_property
    def _gram(self) -> FloatArray:
        """The product of what `_solved` has."""
        gram: FloatArray = self._solved.T @ self._solved
        return gram

    @cached_property
    def _solved(self) -> FloatArray:
        """Factors of least squares that those of users are solved for."""
        solved: FloatArray = self._kept.get(BEFORE, self._kept["least squares.items"])
        return solved

    @cached_property
    def _ease(self) -> EASE:
        task = Task(split=self._world.split, item_features=self._world.text)
        return EASE(task, inverse=self._kept["EASE.inverse"])
