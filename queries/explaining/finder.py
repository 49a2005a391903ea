"""Why this item: the best paths through the training graph from a user to it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from kg.graph import Edges, FloatArray, KnowledgeGraph
from kg.vocab import IntArray
from queries.candidates import unit_rows
from queries.explaining.path import Hop, Kind, Node, Path

MAX_EXPANSIONS = 1_000_000


@dataclass(frozen=True, eq=False)
class _Step:
    """How items reach nodes of one type over one relation: CSR `[num_items, num_nodes]`."""

    hop: Hop
    node_type: str
    matrix: Any


@dataclass(frozen=True, eq=False)
class _Found:
    """Paths of one kind that share their relations, as columns; `middle` is -1 when direct."""

    kind: Kind
    hops: tuple[Hop, ...]
    middle_type: str
    seeds: IntArray
    middle: IntArray
    weight: FloatArray


class PathFinder:
    """Finds and weighs the paths user - item - (entity or user) - item.

    An edge weighs `w / sqrt(degree of its two ends)` within its relation, as in a symmetrically
    normalised random walk, so that a shared author counts for more than a shared genre; `w` is its
    weight over the greatest of the relation. A path
    weighs the product of its edges times `(1 + cosine) / 2` of the embeddings of the user's item
    and the explained one: what the model holds to be near.

    Of a user with very many or very popular items, those nearest to the explained item are
    followed first, until `max_expansions` edges have been walked for a relation.

    Args:
        graph: what the model was trained on.
        item_z: item embeddings, float32 `[num_items, width]`.
        max_expansions: bound on the work of one relation.
    """

    def __init__(
        self, graph: KnowledgeGraph, item_z: FloatArray, max_expansions: int = MAX_EXPANSIONS
    ) -> None:
        self.graph = graph
        self.max_expansions = max_expansions
        self._unit = unit_rows(item_z)
        self._users = _Step(
            Hop(relation=graph.interactions[1], forward=False),
            graph.user_type,
            _normalised(graph.interaction_edges, len(graph.users), len(graph.items)).T.tocsr(),
        )
        self._liked = self._users.matrix.T.tocsr()
        self._steps = [self._users, *self._knowledge()]

    def paths(self, user: int, item: int, *, limit: int = 10) -> list[Path]:
        """Return the best `limit` paths of each kind from a user row to an item row, best first."""
        seeds, weight = self._seeds(user, item)
        found = [*self._direct(seeds, weight, item), *self._through(seeds, weight, user, item)]
        total = sum(float(paths.weight.sum()) for paths in found)
        best: list[tuple[float, Path]] = []
        for kind in ("direct", "entity", "people"):
            some = [paths for paths in found if paths.kind == kind]
            flat = [(float(w), n, at) for n, p in enumerate(some) for at, w in _heaviest(p, limit)]
            for w, n, at in sorted(flat, key=lambda entry: (-entry[0], *entry[1:]))[:limit]:
                best.append((w, self._path(some[n], at, user, item, w / total)))
        return [path for _, path in sorted(best, key=lambda entry: -entry[0])]

    def nearest(self, user: int, item: int) -> tuple[int, float] | None:
        """Return which of the user's other items is nearest to an item, and its cosine."""
        start, stop = self._liked.indptr[user : user + 2]
        seeds = self._liked.indices[start:stop]
        seeds = seeds[seeds != item]
        if not len(seeds):
            return None
        cosines = self._unit[seeds] @ self._unit[item]
        best = int(np.argmax(cosines))
        return int(seeds[best]), float(cosines[best])

    def _knowledge(self) -> Iterator[_Step]:
        """Yield the steps from items over every relation but the interactions, both ways."""
        item_type, num_items = self.graph.item_type, len(self.graph.items)
        for edge_type, edges in self.graph.edges.items():
            src, relation, dst = edge_type
            if edge_type == self.graph.interactions or self.graph.user_type in (src, dst):
                continue
            if src == item_type:
                matrix = _normalised(edges, num_items, len(self.graph.nodes[dst]))
                yield _Step(Hop(relation=relation, forward=True), dst, matrix)
            if dst == item_type:
                matrix = _normalised(edges, len(self.graph.nodes[src]), num_items).T.tocsr()
                yield _Step(Hop(relation=relation, forward=False), src, matrix)

    def _seeds(self, user: int, item: int) -> tuple[IntArray, FloatArray]:
        """Return the user's items, nearest to `item` first, with the weight of their first edge."""
        start, stop = self._liked.indptr[user : user + 2]
        seeds = self._liked.indices[start:stop].astype(np.int64)
        weight = self._liked.data[start:stop] * (1 + self._unit[seeds] @ self._unit[item]) / 2
        keep = np.flatnonzero((seeds != item) & (weight > 0))
        order = keep[np.lexsort((seeds[keep], -weight[keep]))]
        return seeds[order], weight[order]

    def _direct(self, seeds: IntArray, weight: FloatArray, item: int) -> Iterator[_Found]:
        for step in self._steps:
            if step.node_type != self.graph.item_type:
                continue
            place, neighbour, edge = self._expand(step, seeds)
            hit = neighbour == item
            place = place[hit]
            hops = (self._first, step.hop)
            none = np.full(len(place), -1)
            yield _Found("direct", hops, "", seeds[place], none, weight[place] * edge[hit])

    def _through(
        self, seeds: IntArray, weight: FloatArray, user: int, item: int
    ) -> Iterator[_Found]:
        """Join what the seeds reach with what the item reaches, type by type."""
        ends = [(step, *_row(step.matrix, item)) for step in self._steps]
        for step in self._steps:
            people = step is self._users
            if step.node_type == self.graph.item_type:
                continue
            place, middle, edge = self._expand(step, seeds)
            for end, reached, last in ends:
                if end.node_type != step.node_type or not len(reached):
                    continue
                at = np.minimum(np.searchsorted(reached, middle), len(reached) - 1)
                hit = reached[at] == middle
                if people:
                    hit &= middle != user
                back = Hop(relation=end.hop.relation, forward=not end.hop.forward)
                yield _Found(
                    "people" if people else "entity",
                    (self._first, step.hop, back),
                    step.node_type,
                    seeds[place[hit]],
                    middle[hit],
                    weight[place[hit]] * edge[hit] * last[at[hit]],
                )

    def _expand(self, step: _Step, seeds: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
        """Return (place in `seeds`, node reached, edge weight) of every edge of the seeds."""
        degree = np.diff(step.matrix.indptr)[seeds]
        within = int(np.searchsorted(np.cumsum(degree), self.max_expansions, side="right"))
        rows = step.matrix[seeds[: max(within, 1)]]
        place = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
        return place, rows.indices.astype(np.int64), rows.data

    @property
    def _first(self) -> Hop:
        return Hop(relation=self._users.hop.relation, forward=True)

    def _path(self, found: _Found, at: int, user: int, item: int, share: float) -> Path:
        seed, middle = int(found.seeds[at]), int(found.middle[at])
        stops = [(self.graph.user_type, user), (self.graph.item_type, seed)]
        if middle >= 0:
            stops.append((found.middle_type, middle))
        stops.append((self.graph.item_type, item))
        domains = self.graph.items.domains
        return Path(
            kind=found.kind,
            nodes=tuple(self._node(*stop) for stop in stops),
            relations=found.hops,
            share=share,
            crosses=not bool((domains[seed] & domains[item]).any()),
        )

    def _node(self, node_type: str, row: int) -> Node:
        nodes = self.graph.nodes[node_type]
        node_id = nodes.vocab.id(row)
        domains: list[str] = []
        if node_type == self.graph.item_type:  # of others, only where they are found is known
            member = nodes.domains[row]
            domains = [
                name for name, inside in zip(self.graph.domains, member, strict=True) if inside
            ]
        title = nodes.title[row].as_py() or node_id
        return Node(type=node_type, id=node_id, title=title, domains=tuple(domains))


def _normalised(edges: Edges, num_src: int, num_dst: int) -> Any:
    """Return the adjacency: relative weights, divided by the root of the degrees of both ends."""
    relative = np.maximum(edges.weight, 0) / max(edges.weight.max(initial=0), np.float32(1e-12))
    out = np.bincount(edges.src, minlength=num_src)[edges.src]
    into = np.bincount(edges.dst, minlength=num_dst)[edges.dst]
    weight = (relative / np.sqrt(out * into)).astype(np.float32)
    return sparse.csr_array((weight, (edges.src, edges.dst)), shape=(num_src, num_dst))


def _row(matrix: Any, row: int) -> tuple[IntArray, FloatArray]:
    """Return the columns of one row, ascending, and their values."""
    start, stop = matrix.indptr[row : row + 2]
    columns = matrix.indices[start:stop].astype(np.int64)
    order = np.argsort(columns)
    return columns[order], matrix.data[start:stop][order]


def _heaviest(found: _Found, limit: int) -> Iterator[tuple[int, float]]:
    """Yield (place, weight) of the heaviest paths; ties by the rows on the way."""
    order = np.lexsort((found.middle, found.seeds, -found.weight))[:limit]
    for at in order:
        yield int(at), float(found.weight[at])
