"""Signals of the knowledge graph: items that a relation joins to what a user, or the like, used."""

from collections.abc import Iterator

import numpy as np

from kg.graph import BoolArray, KnowledgeGraph
from kg.vocab import IntArray
from training.baselines.base import FloatArray, Task
from training.baselines.matrices import Sparse, take_columns
from training.baselines.user_knn import UserKNN
from training.ranking.world import World

MAX_RELATIONS = 8  # those with most edges
MAX_HUB = 300  # items of an entity: what joins more says little, and costs its square
MAX_PAIRS = 20_000_000  # of one relation
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
        *("ridge, smooth", "ridge, smooth x popularity"),
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
        self._history = world.all_history
        self._joined: dict[str, Sparse] = {}
        self._degree: dict[str, FloatArray] = {}
        self._neighbours: dict[str, UserKNN] = {}
        warm = world.warm.astype(np.float32)
        for name, joined in joins(world.split.train):
            degree = np.asarray(joined.sum(axis=0)).ravel()
            scale = 1 / np.sqrt(np.maximum(degree, 1e-9))
            carry = _scaled(joined, warm, scale)
            self._joined[name] = carry
            self._degree[name] = np.log1p(degree).astype(np.float32)
            self._neighbours[name] = UserKNN(task, carry=carry)

    def signals(self, users: IntArray, items: IntArray) -> dict[str, FloatArray]:
        """Return signals by name, each `[len(users), len(items)]`."""
        found: dict[str, FloatArray] = {}
        history = self._history[users]
        for name, joined in self._joined.items():
            joined_to, neighbours, number = _signals_of(name)
            found[joined_to] = (history @ take_columns(joined, items)).toarray()
            found[neighbours] = self._neighbours[name].score(users, items)
            found[number] = np.tile(self._degree[name][items], (len(users), 1))
        return found


def joins(graph: KnowledgeGraph) -> Iterator[tuple[str, Sparse]]:
    """Yield relations by name with the items they join, symmetric CSR `[num_items, num_items]`.

    No two have a name in common, nor signals of one name, nor a signal named as another one is.
    """
    from scipy.sparse import csr_array, diags_array

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
        else:
            rows, columns = (edges.src, edges.dst) if src == item else (edges.dst, edges.src)
            entity = dst if src == item else src
            shape = (num_items, len(graph.nodes[entity]))
            owns = csr_array((ones, (rows, columns)), shape=shape)
            owns.data[:] = 1
            count = np.asarray(owns.sum(axis=0)).ravel()
            useful = _useful(count)
            weight = np.where(useful, 1 / np.sqrt(np.maximum(count, 1)), 0).astype(np.float32)
            joined = (owns @ diags_array(weight) @ owns.T).tocsr()
        joined.setdiag(0)
        joined.eliminate_zeros()
        if joined.nnz:
            name = relation if src == dst else f"same {relation}"
            while not named.isdisjoint(_signals_of(name)):  # one may lead to several types, too
                name = f"{name} ({src} to {dst})"
            named.update(_signals_of(name))
            yield name, joined


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


def _scaled(matrix: Sparse, rows: FloatArray, columns: FloatArray) -> Sparse:
    from scipy.sparse import diags_array

    scaled = (diags_array(rows) @ matrix @ diags_array(columns)).tocsr().astype(np.float32)
    scaled.eliminate_zeros()
    return scaled
