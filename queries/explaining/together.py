"""What is used together: signals that are sums over the items of the user's own history."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from kg.vocab import IntArray
from queries.explaining.strands import Asker, Strands, Values, outer
from training.baselines.cmf import domain_masks
from training.baselines.ease import most_used
from training.baselines.matrices import take_columns
from training.ranking.collective import PENALTY as PENALTY_COLLECTIVE
from training.ranking.least_squares import BEFORE, CONFIDENCE, PENALTY
from training.ranking.world import World

EASE_ITEMS = 12_000


class Together:
    """Item-kNN, singular vectors, factors and EASE, by own item and stand-in.

    Args:
        world: what the model has learned from.
        kept: what its signals took long to make, by name.
    """

    def __init__(self, world: World, kept: Mapping[str, Any]) -> None:
        from scipy.sparse import csr_array

        self._kept, self._history, self._split = kept, world.all_history, world.split
        parts = (kept[f"item-kNN.{part}"] for part in ("data", "indices", "indptr", "shape"))
        data, indices, indptr, shape = parts
        self._similar = csr_array((data, indices, indptr), shape=tuple(shape.tolist()))
        self._degree = np.maximum(np.asarray(self._history.sum(axis=0)).ravel(), 1)
        self._root = np.sqrt(np.maximum(world.popularity, 1)).astype(np.float32)
        self._masks = domain_masks(world.split)
        self._columns: tuple[IntArray, Any] | None = None
        self._squares: Any = None

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
            yield "EASE", [self._ease(item, own)]

    def _least_squares(self, item: int, own: IntArray) -> Strands:
        r"""Divide $p_u \cdot q_i$ by own item: $c\, q_h^\top A_u^{-1} q_i$.

        $A_u$ is the system whose solution $p_u$ is. It is solved by a few steps, for items that
        may have moved since: what is left is no matter of an own item.
        """
        items = self._kept["least squares.items"]
        solved = self._kept.get(BEFORE, items)
        mine = solved[own].astype(np.float64)
        system = self._gram(solved) + (CONFIDENCE - 1) * (mine.T @ mine)
        system[np.diag_indices_from(system)] += PENALTY * max(len(own), 1)
        adds = CONFIDENCE * mine @ np.linalg.solve(system, items[item].astype(np.float64))
        return Strands(kind="together", own=own, adds=adds)

    def _collective(self, item: int, own: IntArray) -> Strands:
        r"""Divide $p_u \cdot q_i$ by own item, $q_h^\top A_u^{-1} q_i$, over the domains of $u$."""
        items = self._kept["collective.items"].astype(np.float64)
        system = PENALTY_COLLECTIVE * np.eye(items.shape[1])
        for mask in self._masks:
            if mask[own].any():
                system += items[mask].T @ items[mask]
        own = own[np.any([mask[own] for mask in self._masks], axis=0)]
        return Strands(
            kind="together", own=own, adds=items[own] @ np.linalg.solve(system, items[item])
        )

    def _gram(self, items: Any) -> Any:
        if self._squares is None:
            self._squares = items.T @ items
        return self._squares

    def _ease(self, item: int, own: IntArray) -> Strands:
        inverse = self._kept["EASE.inverse"]
        if self._columns is None:
            split = self._split
            counts = np.bincount(self._history.indices, minlength=self._history.shape[1])
            kept = most_used(counts, split.train.item_mask(split.target), EASE_ITEMS)
            places = np.full(self._history.shape[1], -1)
            places[kept] = np.arange(len(kept))
            self._columns = places, take_columns(self._history, kept)
        places, history = self._columns
        own = own[places[own] >= 0]
        rows, column = places[own], places[item]
        if column >= 0:
            adds = -inverse[rows, column] / inverse[column, column] + (rows == column)
        else:
            together = self._history[:, [item]].T @ history
            adds = inverse[rows] @ together.toarray().ravel()
        return Strands(kind="together", own=own, adds=adds.astype(np.float64))
