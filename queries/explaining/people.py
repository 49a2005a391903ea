"""Through people: what those with a like history used, counted (user-kNN) or weighed (ridge)."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from kg.graph import BoolArray
from kg.vocab import IntArray
from queries.explaining.strands import NOBODY, Asker, Strands, Values, outer
from training.baselines.matrices import (
    Sparse,
    histories,
    inverse_frequency,
    normalise_rows,
    own_mask,
    scale_columns,
)
from training.ranking.fitted import Fitted
from training.ranking.latent import Latent
from training.ranking.latent import Ridge as LearnedRidge
from training.ranking.world import World


class People:
    r"""User-kNN by own item h and stand-in j: $p_{uh} \sum_v p_{vh} x_{vj} c_j$.

    See `training.baselines.user_knn.UserKNN`; $c_j$ is what the item takes from j. The user is
    among the people unless cold users are asked for. What they lend themselves is no matter of
    people: it goes from their own item j to the item.

    Args:
        world: what the model has learned from.
    """

    def __init__(self, world: World) -> None:
        split = world.split
        profile = histories(split, own_mask(split))
        self._rarity = inverse_frequency(profile)
        # of each item, those who have it, by how much it counts in their profile
        self._having = normalise_rows(scale_columns(profile, self._rarity)).T.tocsr()
        self.used = world.target_history
        self.lenders = self.used.T.tocsr()  # of each item

    def strands(
        self, asker: Asker, item: int, via: IntArray, takes: Values, *, relation: str = ""
    ) -> list[Strands]:
        """Divide user-kNN of an item that takes `takes[j]` of what is said of `via[j]`."""
        own = asker.own
        weight = _unit(self._rarity[own])
        having, lenders = self._having[own], self.lenders[via]  # of users, CSR
        mine: BoolArray = np.zeros(len(via), dtype=np.bool_)
        if asker.row >= 0:
            me = np.array([asker.row])
            having, mine = _without(having, me), lenders[:, me].toarray().ravel() > 0
        adds = weight[:, None] * (having @ lenders.T).toarray() * takes
        somebody = np.bincount(lenders.indices, minlength=lenders.shape[1]) > 0
        people = np.asarray((having[:, np.flatnonzero(somebody)] > 0).sum(axis=1)).ravel()
        of_others = outer("people", own, via, adds, item=item, relation=relation, people=people)
        lent = mine & (via != item)
        itself = Strands(
            kind="direct" if relation else "text",
            own=via[lent],
            adds=takes[lent] * float((weight**2).sum()),
            relation=relation,
        )
        return [of_others, itself]


class Ridge:
    r"""Kernel ridge regression by own item: $\kappa_h^\top (K + \lambda I)^{-1} y_i$.

    See `training.ranking.latent.Ridge`. Its kernel is a sum over the items of the user's profile,
    $k_u = \sum_h \kappa_h$, so that one solution for the item side divides every variant.

    Args:
        world: what the model has learned from.
        kept: what its signals took long to make, by name.
        target: rows of all items of the target.
    """

    def __init__(self, world: World, kept: Mapping[str, Any], target: IntArray) -> None:
        fitted = Fitted(0, kept)  # everything is there: nothing is drawn
        latent = Latent(world, fitted)
        self._rarity, self._vectors = world.rarity, latent.items
        self._learned = LearnedRidge(world, latent, fitted)
        self._target, self._columns = target, self._learned.columns(target)

    def strands(self, asker: Asker, item: int) -> Iterator[tuple[str, list[Strands]]]:
        """Yield every variant by name."""
        learned, columns = self._learned, self._columns
        if not len(learned.anchors):
            return
        own, kernel = asker.compared, self._kernel(asker.compared)
        place = int(np.searchsorted(self._target, item))
        column = columns.used[[place]].toarray().ravel()
        # the answer of all items, read as a history in the target, as the item sees it
        smooth = columns.read @ columns.vectors[:, place]
        right = np.stack([column, column / learned.degree, smooth], axis=1)
        strict, loose = learned.solve(right)
        answers = {
            "ridge": strict[:, 0],
            "ridge, loose": loose[:, 0],
            "ridge, short histories": strict[:, 1],
            "ridge, smooth": strict[:, 2],
            "ridge, smooth x popularity": strict[:, 2] * columns.root[place],
        }
        people = self._count(own, column)
        for name, answer in answers.items():
            adds = (kernel @ answer).astype(np.float64)
            yield name, [Strands(kind="people", own=own, adds=adds, people=people)]

    def _kernel(self, own: IntArray) -> Any:
        """Return what each item of a profile adds to the kernel with the anchors."""
        weight = _unit(self._rarity[own])
        exact = self._learned.exact[:, own].toarray().T * weight[:, None]
        projected = weight[:, None] * self._vectors[own]
        length = max(float(np.linalg.norm(projected.sum(axis=0))), 1e-9)
        return exact + (projected / length) @ self._learned.alike.T

    def _count(self, own: IntArray, column: Any) -> IntArray:
        """Return how many people have an own item and the item itself."""
        if not len(own):
            return NOBODY
        users: Sparse = self._learned.exact[np.flatnonzero(column)][:, own]
        return np.asarray((users > 0).sum(axis=0)).ravel().astype(np.int64)


def _unit(weights: Any) -> Values:
    length = float(np.sqrt((weights.astype(np.float64) ** 2).sum()))
    unit: Values = weights / length if length > 0 else weights.astype(np.float64)
    return unit


def _without(matrix: Sparse, columns: IntArray) -> Sparse:
    """Return a CSR matrix with some columns empty."""
    kept = matrix.copy()
    kept.data[np.isin(kept.indices, columns)] = 0
    kept.eliminate_zeros()
    return kept
