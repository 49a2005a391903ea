"""Signals of a pair, traced to the items of the user's history."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from kg.vocab import IntArray
from queries.explaining.facts import Facts
from queries.explaining.people import People, Ridge
from queries.explaining.strands import Asker, Strands, Values, row_of
from queries.explaining.texts import Texts
from queries.explaining.together import Together
from training.baselines.matrices import history_mask, source_mask
from training.ranking.new_items import NewItems
from training.ranking.texts import narrow
from training.ranking.world import World


class Tracer:
    """Every signal of a second stage that is a sum over a history.

    Args:
        world: what the model has learned from.
        kept: what its signals took long to make, by name.
        new: items that it has not learned from.
    """

    def __init__(self, world: World, kept: Mapping[str, Any], new: NewItems | None = None) -> None:
        self.world = world
        self._cold = world.split.protocol == "item-cold"
        self._takes_part, self._source = history_mask(world.split), source_mask(world.split)
        carries = {"user-kNN": world.carry}
        more = {} if new is None else {"user-kNN": new.carry, "user-kNN, few": new.narrow}
        if self._cold:
            carries["user-kNN, few"] = narrow(world)
        self._carries = {name: carry.T.tocsr() for name, carry in carries.items()}
        self._more = {name: carry.T.tocsr() for name, carry in more.items()}
        self._people = People(world)
        self._together, self.texts = Together(world, kept), Texts(world, new)
        self.facts = Facts(world, self._people, new)
        target = np.flatnonzero(world.split.train.item_mask(world.split.target))
        self._ridge = None if self._cold else Ridge(world, kept, target)

    def asker(self, user: int, used: IntArray) -> Asker:
        """Return who asks.

        Args:
            user: row.
            used: rows of the items that they used.
        """
        split = self.world.split
        used = used[used < len(self._takes_part)]  # nothing was learned of newer items
        history = used[self._takes_part[used]]
        own = history
        if split.protocol == "user-cold":
            own = history[self._source[history]]
        known = user < len(split.train.users)
        compared = own if not split.shots else history
        return Asker(row=user if known else -1, history=history, own=own, compared=compared)

    def strands(self, asker: Asker, item: int) -> Iterator[tuple[str, list[Strands]]]:
        """Divide signals by name; those that no history decides are not among them."""
        for name in self._carries:
            direct = not self._cold and item < len(self.world.text)
            via, takes = _itself(item) if direct else self._takes(name, item)
            yield name, self._people.strands(asker, item, via, takes)
        if self._ridge is not None and item < len(self.world.text):
            yield from self._ridge.strands(asker, item)
        yield from self._together.strands(asker, item, *self._takes("user-kNN", item))
        yield from self.texts.strands(asker, item)
        yield from self.facts.strands(asker, item)

    def _takes(self, carry: str, item: int) -> tuple[IntArray, Values]:
        """Return the items that an item takes from, and how much: itself where it is warm."""
        known = len(self.world.text)
        if item < known:
            return row_of(self._carries[carry], item)
        return row_of(self._more[carry], item - known)


def _itself(item: int) -> tuple[IntArray, Values]:
    return np.array([item]), np.ones(1)
