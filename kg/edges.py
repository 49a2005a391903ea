"""The edges of one type while they are collected; `finish` merges repeats."""

from dataclasses import dataclass, field

import numpy as np

from kg.errors import InputError
from kg.graph import BoolArray, Edges, FloatArray
from kg.grouping import Coded, Groups, Places, group
from kg.rejects import Tally
from kg.tables.sections import Repeats
from kg.tables.values import Doubles
from kg.vocab import IntArray


@dataclass(frozen=True, kw_only=True)
class EdgePart:
    """Edges of one type from one file.

    Attributes:
        src: source of each edge: its row in the node set, or its place in `src_row`.
        dst: the same of its destination.
        tally: of the file.
        src_row: rows in the node set of the distinct sources, where `src` counts through these.
        dst_row: the same of destinations.
        weight: of each edge; NaN says that its row takes the edge back.
        time: of each edge.
    """

    src: Places
    dst: Places
    tally: Tally
    src_row: IntArray | None = None
    dst_row: IntArray | None = None
    weight: Doubles | None = None
    time: Doubles | None = None

    def __len__(self) -> int:
        return len(self.src)


@dataclass
class EdgeSet:
    """All parts of one edge type.

    Attributes:
        name: what messages call it.
        parts: edges by file.
        repeats: what becomes of several rows with the same ends: `max`, `last`, `sum` or `count`.
        traced: whether to remember which file each edge is from.
    """

    name: str
    parts: list[EdgePart] = field(default_factory=list)
    repeats: Repeats = "max"
    traced: bool = False
    _first: Places | None = None  # the first row of each finished edge

    def count_filtered(self, edges: BoolArray) -> None:
        """Count finished edges that are left out of the graph, in the tallies of their files."""
        if self._first is None:
            raise RuntimeError(f"edges {self.name!r} were not traced")
        self._count(self._first[edges], "filtered")

    def finish(self, src_rows: IntArray, dst_rows: IntArray) -> Edges:
        """Return the edges sorted by (src, dst), with repeats merged and counted in the tallies.

        A merged edge has the latest time of its repeats, and their greatest weight, the weight of
        the latest (of several at a time, the last that was read), their sum, or their number.

        Args:
            src_rows: final row of each row of the source node set.
            dst_rows: the same for the destination.

        Raises:
            InputError: some parts have times and others have none.
        """
        parts = [part for part in self.parts if len(part)]
        if not parts:
            nothing = np.empty(0, dtype=np.int64)
            return Edges(src=nothing, dst=nothing, weight=np.empty(0, dtype=np.float32))
        time, weight = self._time(parts), self._weight(parts)
        groups = group(
            [_coded(src_rows, part.src_row, part.src) for part in parts],
            [_coded(dst_rows, part.dst_row, part.dst) for part in parts],
            len(src_rows),
            len(dst_rows),
            ordered=self.traced or weight is not None or time is not None,
        )
        self._count(groups.repeats, "merged")
        by_row = None if time is None else time[groups.rows()]
        latest = None if by_row is None else groups.reduce(np.maximum, by_row)
        merged = self._merge(groups, weight, by_row)
        edges = Edges(src=groups.src, dst=groups.dst, weight=merged, time=latest)
        self._first = groups.first() if self.traced else None
        if weight is None or not (back := np.isnan(merged)).any():
            return edges
        first = groups.first()
        self._count(first[back], "ignored")
        self._first = first[~back] if self.traced else None
        return edges.take(~back)

    def _time(self, parts: list[EdgePart]) -> Doubles | None:
        times = [part.time for part in parts if part.time is not None]
        if times and len(times) < len(parts):
            with_time = next(part.tally.file for part in parts if part.time is not None)
            without = next(part.tally.file for part in parts if part.time is None)
            raise InputError(f"edges {self.name!r} have times in {with_time} but not in {without}")
        return _one(times) if times else None

    def _weight(self, parts: list[EdgePart]) -> Doubles | None:
        if self.repeats == "count" or all(part.weight is None for part in parts):
            return None
        return _one([np.ones(len(part)) if part.weight is None else part.weight for part in parts])

    def _merge(self, groups: Groups, weight: Doubles | None, time: Doubles | None) -> FloatArray:
        if weight is None:
            if self.repeats in ("count", "sum"):
                return groups.sizes().astype(np.float32)
            return np.ones(len(groups.src), dtype=np.float32)
        by_row = weight[groups.rows()]
        if self.repeats == "last":
            by_row = by_row[groups.last(time)]
        else:
            by_row = groups.reduce(np.add if self.repeats == "sum" else np.maximum, by_row)
        return by_row.astype(np.float32)

    def _count(self, rows: Places, what: str) -> None:
        if len(rows):
            ends = np.cumsum([len(part) for part in self.parts])
            counts = np.bincount(np.searchsorted(ends, rows, "right"), minlength=len(ends))
            for part, count in zip(self.parts, counts.tolist(), strict=True):
                setattr(part.tally, what, getattr(part.tally, what) + count)


def _coded(final: IntArray, rows: IntArray | None, codes: Places) -> Coded:
    return final if rows is None else final[rows], codes


def _one(arrays: list[Doubles]) -> Doubles:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
