"""What is said of a pair of user and item, by name: the features of the second stage."""

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import replace
from typing import Any, Protocol, Self

import numpy as np

from kg.vocab import IntArray
from training.baselines.base import FloatArray, Task
from training.baselines.ease import EASE
from training.baselines.item_knn import ItemKNN
from training.baselines.matrices import over_deviation, turned
from training.baselines.user_knn import UserKNN
from training.ranking.collective import Collective
from training.ranking.fitted import Array, Fitted
from training.ranking.latent import Latent, Ridge
from training.ranking.least_squares import LeastSquares
from training.ranking.new_items import NewItems
from training.ranking.people import People
from training.ranking.relations import Relations
from training.ranking.texts import Density, Nearest, Profiles, narrow
from training.ranking.weighing import OfItems, Said, dense
from training.ranking.world import World

POOLS = 2  # of items that columns are kept of: a domain, and those of it with probabilities
SIMILAR, SHRINK = 1_000, 20.0  # of item-kNN: what tuning chose in every direction measured

# What the sum starts from, before anything is learned: the strongest simple methods.
PRIOR: Mapping[str, Mapping[str, float]] = {
    "user-cold": {"ridge": 1.0, "ridge, smooth x popularity": 0.5, "popularity": 1.0},
    "item-cold": {"item-kNN": 1.0, "user-kNN": 0.5, "text": 0.5, "nearest of history": 0.5},
    # user-cold where no user is shared: nobody's neighbours say anything, and nobody can rehearse
    "no overlap": {"popularity": 1.0, "text, centred": 0.1},
    "warm": {"EASE": 1.0, "user-kNN": 1.0, "popularity": 0.5},
}


class Group(Protocol):
    """Signals that share their work."""

    def asked_by(self, people: People) -> "Group":
        """Return the same for people that nothing was learned from, in the place of its users."""

    def columns(self, items: IntArray) -> Any:
        """Return what signals need of these items, whoever is asked."""

    def new_columns(self, new: NewItems) -> Any:
        """Return the same of items that nothing was learned from."""

    def said(self, users: IntArray, columns: Any) -> Iterator[tuple[str, Said]]:
        """Yield signals of users by name, `[len(users), num_columns]`, their own to overwrite."""


class Signals:
    """Every signal of a world; what varies between protocols is chosen here.

    Args:
        world: what may be learned from.
        seed: of singular vectors.
        kept: what took long to make, of the same world and seed; None to make it.
    """

    def __init__(self, world: World, seed: int, kept: Mapping[str, Array] | None = None) -> None:
        self.protocol = world.split.protocol
        fitted = Fitted(seed, kept)
        task = Task(split=world.split, item_features=world.text)
        latent = Latent(world, fitted)
        similar = fitted.matrix("item-kNN", lambda: ItemKNN(task, k=SIMILAR, shrink=SHRINK).similar)
        item_knn = ItemKNN(task, similar=similar, carry=world.carry)
        groups: list[Group] = [_Network(world), latent, Profiles(world)]
        groups += [_Neighbours({"item-kNN": item_knn})]
        if self.protocol == "item-cold":
            bridges = {"user-kNN": world.carry, "user-kNN, few": narrow(world)}
            groups += [_Neighbours({n: UserKNN(task, carry=c) for n, c in bridges.items()})]
            groups += [Nearest(world), Density(world)]
        else:
            groups += [_Popularity(world), _Neighbours({"user-kNN": UserKNN(task)})]
            groups += [Ridge(world, latent, fitted), LeastSquares(world, latent, fitted)]
            groups += [Collective(world, fitted)]
        if self.protocol == "warm":
            (inverse,) = fitted.arrays("EASE.inverse", make=lambda: (EASE(task).inverse,))
            groups += [_Ease(EASE(task, inverse=inverse))]
        self._groups = [*groups, Relations(world, task)]
        self._pools: list[tuple[IntArray, list[Any]]] = []
        self.kept = fitted.kept

    def asked_by(self, people: People) -> Self:
        """Return the same signals for people that nothing was learned from.

        Rows of users are theirs from then on. Nothing that was learned changes: whoever they are
        like, and whatever they used, is what it was.
        """
        asked = copy(self)
        asked._groups = [group.asked_by(people) for group in self._groups]
        return asked

    def names(self) -> tuple[str, ...]:
        """Return what the signals are called, in their order."""
        nobody = np.zeros(1, dtype=np.int64)
        return tuple(self(nobody, nobody))

    def __call__(self, users: IntArray, items: IntArray) -> dict[str, FloatArray]:
        """Return signals by name, each `[len(users), len(items)]`, rows of deviation one.

        A signal that is the same for all `items` of a user is zero there.
        """
        said = self.said(users, items)
        return {name: over_deviation(dense(values, len(users))) for name, values in said}

    def said(self, users: IntArray, items: IntArray) -> Iterator[tuple[str, Said]]:
        """Yield signals by name as they come, not scaled; whoever takes one may overwrite it."""
        for group, columns in zip(self._groups, self._columns(items), strict=True):
            yield from group.said(users, columns)

    def new_columns(self, new: NewItems) -> list[Any]:
        """Return what every group needs of items that nothing was learned from."""
        return [group.new_columns(new) for group in self._groups]

    def said_of(self, users: IntArray, columns: list[Any]) -> Iterator[tuple[str, Said]]:
        """Yield signals by name, not scaled, of the items that `new_columns` was made of."""
        for group, own in zip(self._groups, columns, strict=True):
            yield from group.said(users, own)

    def _columns(self, items: IntArray) -> list[Any]:
        """Return what every group needs of these items, kept from the last calls."""
        for known, made in self._pools:
            if np.array_equal(known, items):
                return made
        made = [group.columns(items) for group in self._groups]
        self._pools[:] = [(items.copy(), made), *self._pools[: POOLS - 1]]
        return made


class _Network:
    def __init__(self, world: World) -> None:
        self._network = world.network

    def asked_by(self, people: People) -> "_Network":
        asked = copy(self)
        asked._network = replace(self._network, user_z=people.z)
        return asked

    def columns(self, items: IntArray) -> FloatArray:
        return turned(self._network.item_z, items)

    def new_columns(self, new: NewItems) -> FloatArray:
        return np.ascontiguousarray(new.z.T)

    def said(self, users: IntArray, columns: FloatArray) -> Iterator[tuple[str, Said]]:
        yield "network", self._network.user_z[users] @ columns


class _Popularity(OfItems):
    def __init__(self, world: World) -> None:
        used, profile = world.target_history, world.profile
        both = np.flatnonzero((np.diff(used.indptr) > 0) & (np.diff(profile.indptr) > 0))
        shared = np.bincount(used[both].indices, minlength=used.shape[1])
        super().__init__(
            {
                "popularity": np.log1p(world.popularity),
                "popularity among shared users": np.log1p(shared),
            }
        )


class _Neighbours:
    """Scorers that multiply a sparse row of the user by a sparse matrix of the items."""

    def __init__(self, scorers: Mapping[str, ItemKNN | UserKNN]) -> None:
        self._scorers = scorers

    def asked_by(self, people: People) -> "_Neighbours":
        return _Neighbours({name: s.asked_by(people.own) for name, s in self._scorers.items()})

    def columns(self, items: IntArray) -> dict[str, Any]:
        return {name: scorer.columns(items) for name, scorer in self._scorers.items()}

    def new_columns(self, new: NewItems) -> dict[str, Any]:
        carries = {"user-kNN, few": new.narrow}
        return {
            name: scorer.carried(carries.get(name, new.carry))
            for name, scorer in self._scorers.items()
        }

    def said(self, users: IntArray, columns: dict[str, Any]) -> Iterator[tuple[str, Said]]:
        for name, scorer in self._scorers.items():
            yield name, scorer.sparse(users, columns[name])


class _Ease:
    def __init__(self, ease: EASE) -> None:
        self._ease = ease

    def asked_by(self, people: People) -> "_Ease":
        return _Ease(self._ease.asked_by(people.history))

    def columns(self, items: IntArray) -> IntArray:
        return items

    def new_columns(self, new: NewItems) -> NewItems:
        return new

    def said(self, users: IntArray, columns: IntArray | NewItems) -> Iterator[tuple[str, Said]]:
        if isinstance(columns, NewItems):  # nobody used them
            yield "EASE", np.zeros((len(users), len(columns)), dtype=np.float32)
        else:
            yield "EASE", self._ease.score(users, columns)
