"""One hop over a stream of triples: what the last nodes lead to, hubs left aside."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.graph import BoolArray
from kg.rdf.batch import TripleBatch
from kg.vocab import IntArray

_PREDICATES = 20  # bits of a key
_LEAST = 1 << 20  # keys and candidates that are kept before they are looked through


class Hub(NamedTuple):
    """A node that was not left by a predicate."""

    node: str
    predicate: str
    forward: bool  # from subject to object
    degree: int  # triples


class Reached:
    """What the nodes of rows `start` to `stop` lead to, while triples pass by.

    A *way* is one of these nodes, a predicate and a direction. The triples of each way are counted;
    what a way leads to is forgotten once it has more than `max_degree`. So memory is proportional
    to the ways, and to what is reached by those that are not.
    """

    def __init__(self, start: int, stop: int, max_degree: int | None) -> None:
        self._start, self._stop, self._max = start, stop, max_degree
        self._predicates: dict[str, int] = {}
        self._ways: IntArray = np.zeros(0, dtype=np.int64)  # sorted, with the count of each
        self._counts: IntArray = np.zeros(0, dtype=np.int64)
        self._touched: list[IntArray] = []  # ways of triples not counted yet
        self._found_by: list[IntArray] = []  # way of each candidate
        self._found: list[Any] = []  # names of candidates, Arrow strings
        self._pending = 0
        self._limit = _LEAST

    def add(self, batch: TripleBatch, node: IntArray, followed: BoolArray) -> None:
        """Look at some triples.

        Args:
            batch: the triples.
            node: row of each of its terms among all nodes, -1 for none.
            followed: which triples count; none with a literal.
        """
        names = self._predicates
        for forward, here, there in (
            (1, batch.subject, batch.object),
            (0, batch.object, batch.subject),
        ):
            end = node[np.where(followed, here, 0)]
            rows = np.flatnonzero(followed & (end >= self._start) & (end < self._stop))
            if not len(rows):
                continue
            used, place = np.unique(batch.predicate[rows], return_inverse=True)
            iris = batch.terms.take(pa.array(used)).to_pylist()
            code = np.array([names.setdefault(iri, len(names)) for iri in iris], dtype=np.int64)
            way = ((end[rows] - self._start) << _PREDICATES | code[place]) << 1 | forward
            self._touched.append(way)
            new = node[there[rows]] < 0
            self._found_by.append(way[new])
            self._found.append(batch.terms.take(pa.array(there[rows[new]])))
            self._pending += len(way)
        if self._pending > self._limit:
            self._settle()

    def new_nodes(self) -> Any:
        """Return the distinct names of what was reached and was no node, in the order it came."""
        self._settle()
        return pc.unique(pa.concat_arrays([pa.array([], pa.string()), *self._found]))

    def hubs(self, names: list[str]) -> list[Hub]:
        """Return the ways that were not taken; `names` are those of rows `start` to `stop`."""
        self._settle()
        iris = list(self._predicates)
        over = self._over(self._counts)
        found = zip(self._ways[over].tolist(), self._counts[over].tolist(), strict=True)
        return [
            Hub(
                node=names[way >> (_PREDICATES + 1)],
                predicate=iris[way >> 1 & (1 << _PREDICATES) - 1],
                forward=bool(way & 1),
                degree=count,
            )
            for way, count in found
        ]

    def _settle(self) -> None:
        """Count what was touched, and forget the candidates of hubs."""
        ways = np.concatenate([self._ways, *self._touched])
        counts = np.ones(len(ways), dtype=np.int64)
        counts[: len(self._counts)] = self._counts
        self._ways, place = np.unique(ways, return_inverse=True)
        self._counts = np.bincount(place, counts, len(self._ways)).astype(np.int64)
        found_by = np.concatenate([np.zeros(0, dtype=np.int64), *self._found_by])
        found = pa.concat_arrays([pa.array([], pa.string()), *self._found])
        kept = ~self._over(self._counts)[np.searchsorted(self._ways, found_by)]
        self._touched, self._found_by = [], [found_by[kept]]
        self._found = [found.filter(pa.array(kept))]
        self._pending = 0
        self._limit = max(_LEAST, 2 * len(self._ways), 2 * len(self._found[0]))

    def _over(self, counts: IntArray) -> BoolArray:
        return np.zeros(len(counts), dtype=np.bool_) if self._max is None else counts > self._max
