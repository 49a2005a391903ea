"""Signals of the knowledge graph: items that a relation joins to what a user, or the like, used."""

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from kg.graph import BoolArray, EdgeType, KnowledgeGraph
from kg.vocab import IntArray
from training.baselines.base import FloatArray, Task
from training.baselines.matrices import Sparse
from training.baselines.user_knn import UserKNN
from training.ranking.new_items import NewItems
from training.ranking.people import People
from training.ranking.weighing import Said
from training.ranking.world import World

MAX_RELATIONS = 8  # those with most edges
MAX_HUB = 300  # items of an entity: what joins more says little
MAX_PAIRS = 20_000_000  # of one relation
ROUNDING = 1e-5  # of what an item would say of itself
# What the other signals are called: a relation of such a name may not take their place.
TAKEN = frozenset(
    {
        *("network", "latent", "latent x popularity", "latent, strong"),
        *("text", "text, whitened", "text, centred"),
        *("item-kNN", "user-kNN", "user-kNN, few", "EASE"),
        *("nearest of history", "near history", "near words"),
        *("popularity of neighbours", "nearest neighbour", "fifth neighbour"),
        *("popularity", "popularity among shared users"),
        *("ridge", "ridge, loose", "ridge, short histories"),
        *("ridge, smooth", "ridge, smooth x popularity", "least squares", "collective"),
    }
)


class Relations:
    """For each relation: history joined to the item, neighbours' items joined to it, how many are.

    `(item, also_bought, item)` joins directly, `(item, brand, brand)` two items of a brand. Joined
    items share their weight by the root of the degree.

    Args:
        world: what may be learned from.
        task: the same for `UserKNN`.
    """

    def __init__(self, world: World, task: Task) -> None:
        self._history, self._user_knn = world.all_history, UserKNN(task)
        self._joins = dict(joins(world.split.train))
        self._degree = {name: join.degree() for name, join in self._joins.items()}

    def asked_by(self, people: People) -> "Relations":
        """Return the same for others, who take the place of its users."""
        asked = copy(self)
        asked._history, asked._user_knn = people.history, self._user_knn.asked_by(people.own)
        return asked

    def columns(self, items: IntArray) -> "_JoinedColumns":
        """Return what the signals need of these items."""
        reach = {name: _Reach(join, items, join.back[items]) for name, join in self._joins.items()}
        degree = {name: values[items] for name, values in self._degree.items()}
        return _JoinedColumns(degree, reach, self._everybody())

    def new_columns(self, new: NewItems) -> "_JoinedColumns":
        """Return the same of items that nothing was learned from."""
        from scipy.sparse import csr_array

        reach = {}
        for name, join in self._joins.items():
            ends = new.joined.get(join.edge_type)
            if ends is None:
                ends = csr_array((len(new), join.back.shape[1]), dtype=np.float32)
            reach[name] = _Reach(join, None, ends)
        ones = np.ones((self._history.shape[1], 1), dtype=np.float32)
        degree = {name: each(ones)[:, 0] for name, each in reach.items()}
        return _JoinedColumns(degree, reach, self._everybody())

    def _everybody(self) -> Any:
        everything = np.arange(self._history.shape[1])
        return self._user_knn.columns(everything) if self._joins else None

    def said(self, users: IntArray, columns: "_JoinedColumns") -> Iterator[tuple[str, Said]]:
        """Yield signals by name, `[len(users), num_columns]`."""
        if not self._joins:
            return
        used = self._history[users].T.toarray()
        alike = self._user_knn.sparse(users, columns.alike).T.toarray()
        given = np.concatenate([used, alike], axis=1)
        for name in self._joins:
            degree = columns.degree[name]
            shared = np.ascontiguousarray(columns.reach[name](given).T)
            shared /= np.sqrt(np.maximum(degree, np.float32(1e-9)))
            joined_to, neighbours, number = _signals_of(name)
            yield joined_to, shared[: len(users)]
            yield neighbours, shared[len(users) :]
            yield number, np.log1p(degree)[None]


class _JoinedColumns(NamedTuple):
    """What `Relations` needs of items.

    Attributes:
        degree: sums over all items that they are joined to, by relation.
        reach: returns what reaches them, by relation.
        alike: what `UserKNN` needs of everything.
    """

    degree: Mapping[str, FloatArray]
    reach: Mapping[str, "_Reach"]
    alike: Any


@dataclass(frozen=True, eq=False)
class Join:
    """How much a relation joins any two items: a symmetric matrix that is never made.

    Two items are joined by the ends they share, and no item by itself. The items of an entity make
    as many pairs as their number squared, and only as many edges as their number.

    Attributes:
        onto: what an item gives each end, CSR `[num_ends, num_items]`.
        back: the ends of an item, CSR `[num_items, num_ends]`.
        itself: what of its own comes back to an item, float32 `[num_items]`.
        edge_type: of the relation.
    """

    onto: Sparse
    back: Sparse
    itself: FloatArray
    edge_type: EdgeType = ("", "", "")

    @property
    def direct(self) -> bool:
        """Whether items are ends of items."""
        return self.edge_type[0] == self.edge_type[2] != ""

    def to(self, items: IntArray, given: FloatArray, back: Sparse | None = None) -> FloatArray:
        """Return what reaches `items`, `[len(items), columns]`, of `[num_items, columns]`.

        Args:
            items: rows.
            given: what every item gives.
            back: `self.back[items]`, where it is there already.
        """
        own = self.itself[items, None] * given[items]
        found: FloatArray = (self.back[items] if back is None else back) @ (self.onto @ given)
        found -= own
        found[np.abs(found) <= ROUNDING * np.abs(own)] = 0
        return found

    def degree(self) -> FloatArray:
        """Return the sum over all other items, float32 `[num_items]`."""
        ones = np.ones((len(self.itself), 1), dtype=np.float32)
        return self.to(np.arange(len(ones)), ones)[:, 0]


class _Reach(NamedTuple):
    """What reaches some items over a relation.

    Attributes:
        join: the relation.
        items: rows; None for items that nothing was learned from.
        back: ends of the items, CSR `[items, num_ends]`.
    """

    join: Join
    items: IntArray | None
    back: Sparse

    def __call__(self, given: FloatArray) -> FloatArray:
        """Return `[items, columns]` of what every item gives, `[num_items, columns]`."""
        if self.items is not None:
            return self.join.to(self.items, given, self.back)
        # an item that an old one is joined to gives to it; the old one gives nothing back
        found: FloatArray = self.back @ (given if self.join.direct else self.join.onto @ given)
        return found


def joins(graph: KnowledgeGraph) -> Iterator[tuple[str, Join]]:
    """Yield relations by name with the items they join.

    No two have a name in common, nor signals of one name, nor a signal named as another one is.
    """
    from scipy.sparse import csr_array, diags_array, eye_array

    item, num_items = graph.item_type, len(graph.items)
    sized = [
        (len(edges), edge_type, edges)
        for edge_type, edges in graph.edges.items()
        if item in (edge_type[0], edge_type[2])
        and graph.user_type not in (edge_type[0], edge_type[2])
        and len(edges)
    ]
    sized.sort(key=lambda entry: (-entry[0], entry[1]))
    named = set(TAKEN)
    for _, (src, relation, dst), edges in sized[:MAX_RELATIONS]:
        ones = np.ones(len(edges), dtype=np.float32)
        if src == dst:
            rows, columns = np.r_[edges.src, edges.dst], np.r_[edges.dst, edges.src]
            joined = csr_array((np.r_[ones, ones], (rows, columns)), shape=(num_items, num_items))
            joined.data[:] = 1
            joined.setdiag(0)
            joined.eliminate_zeros()
            each = eye_array(num_items, dtype=np.float32, format="csr")
            nothing = np.zeros(num_items, dtype=np.float32)
            join = Join(joined, each, nothing, (src, relation, dst))
        else:
            rows, columns = (edges.src, edges.dst) if src == item else (edges.dst, edges.src)
            entity = dst if src == item else src
            shape = (num_items, len(graph.nodes[entity]))
            owns = csr_array((ones, (rows, columns)), shape=shape)
            owns.data[:] = 1
            count = np.asarray(owns.sum(axis=0)).ravel()
            useful = _useful(count)
            weight = np.where(useful, 1 / np.sqrt(np.maximum(count, 1)), 0).astype(np.float32)
            onto = (diags_array(weight) @ owns.T).tocsr()
            join = Join(onto, owns, owns @ weight, (src, relation, dst))
        if join.degree().any():
            name = relation if src == dst else f"same {relation}"
            while not named.isdisjoint(_signals_of(name)):  # one may lead to several types, too
                name = f"{name} ({src} to {dst})"
            named.update(_signals_of(name))
            yield name, join


def _signals_of(name: str) -> tuple[str, str, str]:
    return name, f"user-kNN, {name}", f"number of {name}"


def _useful(count: FloatArray) -> BoolArray:
    """Return the entities that join items, the smallest first, so that pairs stay in bounds."""
    some = np.flatnonzero((count > 1) & (count <= MAX_HUB))
    some = some[np.argsort(count[some], kind="stable")]
    pairs = np.cumsum(count[some].astype(np.float64) ** 2)
    useful: BoolArray = np.zeros(len(count), dtype=np.bool_)
    useful[some[pairs <= MAX_PAIRS]] = True
    return useful
