"""Facts of the graph: what relations join to the history of a user, or of people like them."""

from collections.abc import Iterator

import numpy as np

from kg.vocab import IntArray
from queries.explaining.people import People
from queries.explaining.strands import Asker, Strands, row_of
from training.baselines.matrices import Sparse, scale_rows
from training.ranking.new_items import NewItems
from training.ranking.relations import Join, joins
from training.ranking.world import World


class Facts:
    """The signals of each relation (`training.ranking.relations`), by own item and entity.

    Args:
        world: what the model has learned from.
        people: of the same world.
        new: items that it has not learned from.
    """

    def __init__(self, world: World, people: People, new: NewItems | None) -> None:
        self._world, self._people, self._new = world, people, new
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
            ends, reach = self._reach(name, join, item)
            yield name, [self._joined(name, join, asker.history, ends, reach)]
            takes = np.asarray(reach.sum(axis=0)).ravel()
            via = np.flatnonzero((takes != 0) & lent)
            through = self._people.strands(asker, item, via, takes[via], relation=name)
            yield f"user-kNN, {name}", through

    def _reach(self, name: str, join: Join, item: int) -> tuple[IntArray, Sparse]:
        """Return how an item is reached.

        Returns:
            The ends of the relation that do, rows of entities or -1 where items are ends of items,
            and what each gives to the item from every other one, CSR `[num_ends, num_items]`.
        """
        known = len(self._degree[name])
        if item < known:
            ends, weight = row_of(join.back, item)
            reach = scale_rows(join.onto[ends], weight.astype(np.float32))
            reach.data[reach.indices == item] = 0
            degree = float(self._degree[name][item])
        else:
            assert self._new is not None
            joined = self._new.joined[join.edge_type][[item - known]]
            ends = joined.indices.astype(np.int64)
            reach = joined if join.direct else join.onto[ends]
            degree = float(reach.sum())
        if join.direct:
            ends = np.full(reach.shape[0], -1)
        return ends, reach * np.float32(max(degree, 1e-9) ** -0.5)

    def _joined(
        self, name: str, join: Join, own: IntArray, ends: IntArray, reach: Sparse
    ) -> Strands:
        """Return what joins own items to the item: nothing but the relation, or an entity each."""
        table = reach[:, own].toarray()
        end, place = np.nonzero(table)
        src, _, dst = join.edge_type
        item_type = self._world.split.train.item_type
        return Strands(
            kind="direct" if join.direct else "entity",
            own=own[place],
            adds=table[end, place].astype(np.float64),
            relation=name,
            middle=ends[end],
            middle_type="" if join.direct else (dst if src == item_type else src),
        )
