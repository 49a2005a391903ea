"""Signals of texts: how near an item lies to what a user did, and what its neighbours are worth."""

from collections.abc import Iterator
from copy import copy
from typing import NamedTuple

import numpy as np

from kg.vocab import IntArray
from training.baselines.base import FloatArray
from training.baselines.bridge import nearness
from training.baselines.matrices import Sparse, take_columns, turned
from training.ranking.new_items import FEW, NewItems
from training.ranking.people import People
from training.ranking.weighing import OfItems, Said
from training.ranking.world import World

GATHERED = 1 << 19  # cosines with a user's history held at once
ROUNDING = 1e-5  # of a sum of texts, relative to its length


class Profiles:
    """Nearness of an item's text to the mean text of a user's history.

    As it is, whitened, and centred: each domain has its own mean text, which says only that it is
    that domain. Taking it off is what lets texts of two domains be compared where nobody is shared.
    """

    def __init__(self, world: World) -> None:
        self._text, self._whitened = world.text, world.channel
        self._share, self._means = means_of_domains(world)
        self._history = world.all_history

    def asked_by(self, people: People) -> "Profiles":
        """Return the same for others, who take the place of its users."""
        asked = copy(self)
        asked._history = people.history
        return asked

    def columns(self, items: IntArray) -> "_TextColumns":
        """Return what the signals need of these items."""
        text = turned(self._text, items)
        means = np.concatenate([self._means @ text, self._share[items].T])
        return _TextColumns(text, turned(self._whitened, items), means)

    def new_columns(self, new: NewItems) -> "_TextColumns":
        """Return the same of items that nothing was learned from."""
        text = np.ascontiguousarray(new.text.T)
        means = np.concatenate([self._means @ text, new.share.T])
        return _TextColumns(text, np.ascontiguousarray(new.channel.T), means)

    def said(self, users: IntArray, columns: "_TextColumns") -> Iterator[tuple[str, Said]]:
        """Yield signals by name, `[len(users), num_columns]`."""
        history = self._history[users]
        mean, length = _unit(history @ self._whitened)
        yield "text, whitened", mean @ columns.whitened

        total = history @ self._text
        mean, length = _unit(total.copy())
        text = mean @ columns.text
        # a centred text is a text less means, and so is what it says: no product of its own
        share = history @ self._share
        apart, left = _unit(total - share @ self._means)
        # what is left of texts that are all but their domain's mean is rounding
        factor = np.where(left > ROUNDING * length, length / np.maximum(left, 1e-9), 0)
        less = np.concatenate([share / np.maximum(left, 1e-9), apart @ self._means.T], axis=1)
        less[factor.ravel() == 0] = 0
        centred = text * factor
        centred -= less @ columns.means
        yield "text", text
        yield "text, centred", centred


class _TextColumns(NamedTuple):
    """What `Profiles` needs of items.

    Attributes:
        text: `[dim, num_columns]`.
        whitened: `[dim, num_columns]`.
        means: texts of domains times those of items, and the share that items have in domains,
            `[2 num_domains, num_columns]`.
    """

    text: FloatArray
    whitened: FloatArray
    means: FloatArray


class Nearest:
    """What of a user's history an item is nearest to, and how much of it is near."""

    def __init__(self, world: World) -> None:
        self._vectors, self._history = world.channel, world.all_history
        self._near = nearness(world.near, world.similarity, len(world.near))

    def asked_by(self, people: People) -> "Nearest":
        """Return the same for others, who take the place of its users."""
        asked = copy(self)
        asked._history = people.history
        return asked

    def columns(self, items: IntArray) -> tuple[FloatArray, Sparse]:
        """Return what the signals need of these items."""
        return turned(self._vectors, items), take_columns(self._near, items)

    def new_columns(self, new: NewItems) -> tuple[FloatArray, Sparse]:
        """Return the same of items that nothing was learned from."""
        return np.ascontiguousarray(new.channel.T), new.nearness

    def said(
        self, users: IntArray, columns: tuple[FloatArray, Sparse]
    ) -> Iterator[tuple[str, Said]]:
        """Yield signals by name, `[len(users), num_columns]`."""
        vectors, near = columns
        history = self._history[users]
        yield "near words", history @ near
        nearest = np.zeros((len(users), vectors.shape[1]), dtype=np.float32)
        several = np.zeros_like(nearest)
        step = max(1, GATHERED // max(1, vectors.shape[1]))  # rows of cosines held at once
        for user in np.flatnonzero(np.diff(history.indptr)):
            first, end = history.indptr[user : user + 2]
            for start in range(first, end, step):
                used = history.indices[start : min(start + step, end)]
                cosine = self._vectors[used] @ vectors
                best = cosine.max(axis=0)
                if start > first:
                    np.maximum(nearest[user], best, out=best)
                nearest[user] = best
                np.maximum(cosine, 0, out=cosine)
                np.square(cosine, out=cosine)
                several[user] += np.einsum("ij,ij->j", cosine, cosine)
        yield "nearest of history", nearest
        yield "near history", several


class Density(OfItems):
    """What is known of a cold item before anybody is asked: how near its neighbours, how popular.

    The same for every user.
    """

    def __init__(self, world: World) -> None:
        self._popularity = world.popularity
        super().__init__(self._about(world.carry, world.near, world.similarity))

    def new_columns(self, new: NewItems) -> dict[str, FloatArray]:
        """Return the same of items that nothing was learned from."""
        found = self._about(new.carry, new.near, new.similarity)
        return {name: values[None].astype(np.float32) for name, values in found.items()}

    def _about(
        self, carry: Sparse, near: IntArray, similarity: FloatArray
    ) -> dict[str, FloatArray]:
        ordered = -np.sort(-np.where(near >= 0, similarity, 0), axis=1)
        popular = np.asarray(carry.T @ np.log1p(self._popularity)).ravel()
        last = min(4, ordered.shape[1] - 1)
        return {
            "popularity of neighbours": popular,
            "nearest neighbour": ordered[:, 0],
            "fifth neighbour": ordered[:, last],
        }


def means_of_domains(world: World) -> tuple[FloatArray, FloatArray]:
    """Return what is taken off texts to centre them: `share @ means`.

    Returns:
        The share that items have in domains, float32 `[num_items, num_domains]`, zero for those
        without a text; and the mean text of what is used in a domain, `[num_domains, dim]`.
    """
    known = (world.text != 0).any(axis=1)
    domains = world.split.train.items.domains & known[:, None]
    used = world.popularity + np.float32(1e-3)  # so that a domain nobody used has a mean too
    means = (domains * used[:, None]).T.astype(np.float32) @ world.text
    means /= np.maximum((domains * used[:, None]).sum(axis=0), 1e-9)[:, None]
    share = domains / np.maximum(domains.sum(axis=1, keepdims=True), 1)
    return share.astype(np.float32), means.astype(np.float32)


def narrow(world: World) -> Sparse:
    """Return the carry over the few nearest neighbours alone."""
    similarity = world.similarity.copy()
    similarity[:, FEW:] = 0  # neighbours come best first
    return world.carried(similarity)


def _unit(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return rows of length one, in place, and how long they were, `[rows, 1]`."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.maximum(length, 1e-9)
    return rows, length
