"""Facts of the graph: what relations join to the history of a user, or of people like them."""

from collections.abc import Iterator

import numpy as np

from kg.vocab import IntArray
from queries.explaining.people import People
from queries.explaining.strands import Asker, Strands, Values, row_of
from training.ranking.relations import Join, joins
from training.ranking.world import World


class Facts:
    """The signals of each relation (`training.ranking.relations`), by own item and entity.

    Args:
        world: what the model has learned from.
        people: of the same world.
    """

    def __init__(self, world: World, people: People) -> None:
        self._world, self._people = world, people
        train = world.split.train
        self._joins = dict(joins(train))
        self.edge_types = {name: join.edge_type for name, join in self._joins.items()}
        self._degree = {name: join.degree() for name, join in self._joins.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """Relations, as signals call them."""
        return tuple(self._joins)

    def strands(self, asker: Asker, item: int) -> Iterator[tuple[str, list[Strands]]]:
        """Divide signals by name."""
        lent = np.diff(self._people.lenders.indptr) > 0
        for name, join in self._joins.items():
            scale = max(float(self._degree[name][item]), 1e-9) ** -0.5
            yield name, [self._joined(name, join, asker.history, item, scale)]
            via, takes = _takes(join, item)
            takes, via = takes[lent[via]] * scale, via[lent[via]]
            through = self._people.strands(asker, item, via, takes, relation=name)
            yield f"user-kNN, {name}", through

    def _joined(self, name: str, join: Join, own: IntArray, item: int, scale: float) -> Strands:
        """Return what joins own items to the item: nothing but the relation, or an entity each."""
        ends, weight = row_of(join.back, item)
        own = own[own != item]
        table = join.onto[ends][:, own].toarray() * weight[:, None] * scale
        end, place = np.nonzero(table)
        src, _, dst = join.edge_type
        item_type = self._world.split.train.item_type
        return Strands(
            kind="direct" if join.direct else "entity",
            own=own[place],
            adds=table[end, place].astype(np.float64),
            relation=name,
            middle=np.full(len(end), -1) if join.direct else ends[end],
            middle_type="" if join.direct else (dst if src == item_type else src),
        )


def _takes(join: Join, item: int) -> tuple[IntArray, Values]:
    """Return the items that are joined to one, and how much."""
    ends, weight = row_of(join.back, item)
    column = np.asarray(weight @ join.onto[ends]).ravel()
    column[item] = 0
    via = np.flatnonzero(column)
    return via, column[via]
