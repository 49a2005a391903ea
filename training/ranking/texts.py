"""Signals of texts: how near an item lies to what a user did, and what its neighbours are worth."""

from copy import copy

import numpy as np

from kg.vocab import IntArray
from training.baselines.base import FloatArray
from training.baselines.matrices import Sparse, take_columns
from training.ranking.people import People
from training.ranking.world import World

FEW = 8  # nearest neighbours of the narrow bridge


class Profiles:
    """Nearness of an item's text to the mean text of a user's history.

    As it is, whitened, and centred: each domain has its own mean text, which says only that it is
    that domain. Taking it off is what lets texts of two domains be compared where nobody is shared.
    """

    def __init__(self, world: World) -> None:
        self._vectors = {
            "text": world.text,
            "text, whitened": world.channel,
            "text, centred": centred(world),
        }
        self._history = world.all_history

    def asked_by(self, people: People) -> "Profiles":
        """Return the same for others, who take the place of its users."""
        asked = copy(self)
        asked._history = people.history
        return asked

    def signals(self, users: IntArray, items: IntArray) -> dict[str, FloatArray]:
        """Return signals by name, each `[len(users), len(items)]`."""
        found = {}
        for name, vectors in self._vectors.items():
            mean = self._history[users] @ vectors
            mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)
            found[name] = mean @ vectors[items].T
        return found


class Nearest:
    """What of a user's history an item is nearest to, and how much of it is near."""

    def __init__(self, world: World) -> None:
        self._vectors, self._history = world.channel, world.all_history
        self._near = _near_matrix(world)

    def asked_by(self, people: People) -> "Nearest":
        """Return the same for others, who take the place of its users."""
        asked = copy(self)
        asked._history = people.history
        return asked

    def signals(self, users: IntArray, items: IntArray) -> dict[str, FloatArray]:
        """Return signals by name, each `[len(users), len(items)]`."""
        history = self._history[users]
        nearest = np.zeros((len(users), len(items)), dtype=np.float32)
        several = np.zeros_like(nearest)
        some = np.flatnonzero(np.diff(history.indptr))
        if len(some) and len(items):
            cosine = self._vectors[history.indices] @ self._vectors[items].T
            starts = history.indptr[some]
            nearest[some] = np.maximum.reduceat(cosine, starts, axis=0)
            several[some] = np.add.reduceat(np.maximum(cosine, 0) ** 4, starts, axis=0)
        direct = (history @ take_columns(self._near, items)).toarray()
        return {"nearest of history": nearest, "near history": several, "near words": direct}


class Density:
    """What is known of a cold item before anybody is asked: how near its neighbours, how popular.

    The same for every user.
    """

    def __init__(self, world: World) -> None:
        similarity = np.where(world.near >= 0, world.similarity, 0)
        ordered = -np.sort(-similarity, axis=1)
        popular = np.asarray(world.carry.T @ np.log1p(world.popularity)).ravel()
        last = min(4, ordered.shape[1] - 1)
        self._items = {
            "popularity of neighbours": popular.astype(np.float32),
            "nearest neighbour": ordered[:, 0].astype(np.float32),
            "fifth neighbour": ordered[:, last].astype(np.float32),
        }

    def asked_by(self, people: People) -> "Density":
        """Return itself."""
        del people
        return self

    def signals(self, users: IntArray, items: IntArray) -> dict[str, FloatArray]:
        """Return signals by name, each `[len(users), len(items)]`."""
        return {
            name: np.tile(values[items], (len(users), 1)) for name, values in self._items.items()
        }


def centred(world: World) -> FloatArray:
    """Return texts less the mean text of what is used in their domains; items without stay zero."""
    vectors = world.text.copy()
    known = (vectors != 0).any(axis=1)
    domains = world.split.train.items.domains & known[:, None]
    used = world.popularity + np.float32(1e-3)  # so that a domain nobody used has a mean too
    means = (domains * used[:, None]).T.astype(np.float32) @ vectors
    means /= np.maximum((domains * used[:, None]).sum(axis=0), 1e-9)[:, None]
    share = domains / np.maximum(domains.sum(axis=1, keepdims=True), 1)
    vectors -= share.astype(np.float32) @ means.astype(np.float32)
    return vectors


def narrow(world: World) -> Sparse:
    """Return the carry over the few nearest neighbours alone."""
    similarity = world.similarity.copy()
    similarity[:, FEW:] = 0  # neighbours come best first
    return world.carried(similarity)


def _near_matrix(world: World) -> Sparse:
    """Return similarity^4 of an item's neighbours, CSR from neighbour to item, not normalised."""
    from scipy.sparse import csr_array

    there = (world.near >= 0) & (world.similarity > 0)
    item, place = np.nonzero(there)
    values = world.similarity[item, place].astype(np.float32) ** 4
    shape = (len(world.near), len(world.near))
    return csr_array((values, (world.near[item, place], item)), shape=shape)
