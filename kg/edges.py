"""The edges of one type while they are collected; `finish` merges repeats."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from kg.errors import InputError
from kg.graph import BoolArray, Edges
from kg.rejects import Tally
from kg.tables.sections import Repeats
from kg.vocab import IntArray

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class EdgePart:
    """Edges of one type from one file, in the rows of the node sets."""

    src: IntArray
    dst: IntArray
    tally: Tally
    weight: Doubles | None = None
    time: Doubles | None = None


@dataclass
class EdgeSet:
    """All parts of one edge type.

    Attributes:
        name: what messages call it.
        parts: edges by file; a weight of NaN says that its row takes the edge back.
        repeats: what becomes of several rows with the same ends: `max`, `last`, `sum` or `count`.
        traced: whether to remember which file each edge is from.
    """

    name: str
    parts: list[EdgePart] = field(default_factory=list)
    repeats: Repeats = "max"
    traced: bool = False
    _first: IntArray | None = None  # the first row of each finished edge

    def count_filtered(self, edges: BoolArray) -> None:
        """Count finished edges that are left out of the graph, in the tallies of their files."""
        if self._first is None:
            raise RuntimeError(f"edges {self.name!r} were not traced")
        parts = [part for part in self.parts if len(part.src)]
        self._count(self._first[edges], "filtered", parts)

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
        parts = [part for part in self.parts if len(part.src)]
        if not parts:
            nothing = np.empty(0, dtype=np.int64)
            return Edges(src=nothing, dst=nothing, weight=np.empty(0, dtype=np.float32))
        groups = Groups.of(
            np.concatenate([src_rows[part.src] for part in parts]),
            np.concatenate([dst_rows[part.dst] for part in parts]),
            len(src_rows),
            len(dst_rows),
        )
        self._count(groups.repeats(), "merged", parts)
        time = self._time(parts)
        weight, time = self._merge(groups, parts, time)
        kept = ~np.isnan(weight)
        edges = Edges(src=groups.src, dst=groups.dst, weight=weight.astype(np.float32), time=time)
        if self.traced:
            self._first = groups.first()[kept]
        if kept.all():
            return edges
        self._count(groups.first()[~kept], "ignored", parts)
        return edges.take(kept)

    def _time(self, parts: list[EdgePart]) -> Doubles | None:
        times = [part.time for part in parts if part.time is not None]
        if times and len(times) < len(parts):
            with_time = next(part.tally.file for part in parts if part.time is not None)
            without = next(part.tally.file for part in parts if part.time is None)
            raise InputError(f"edges {self.name!r} have times in {with_time} but not in {without}")
        return np.concatenate(times) if times else None

    def _merge(
        self, groups: "Groups", parts: list[EdgePart], time: Doubles | None
    ) -> tuple[Doubles, Doubles | None]:
        by_row = None if time is None else time[groups.order]
        latest = None if by_row is None else groups.reduce(np.maximum, by_row)
        said = any(part.weight is not None for part in parts)
        if self.repeats == "count" or (self.repeats == "sum" and not said):
            return groups.sizes().astype(np.float64), latest
        if not said:
            return np.ones(len(groups.starts)), latest
        weight = np.concatenate(
            [np.ones(len(part.src)) if part.weight is None else part.weight for part in parts]
        )[groups.order]
        if self.repeats == "last":
            return weight[groups.last(by_row)], latest
        return groups.reduce(np.add if self.repeats == "sum" else np.maximum, weight), latest

    def _count(self, rows: IntArray, what: str, parts: list[EdgePart]) -> None:
        if len(rows):
            ends = np.cumsum([len(part.src) for part in parts])
            counts = np.bincount(np.searchsorted(ends, rows, "right"), minlength=len(parts))
            for part, count in zip(parts, counts.tolist(), strict=True):
                setattr(part.tally, what, getattr(part.tally, what) + count)


@dataclass(frozen=True)
class Groups:
    """Rows with the same ends side by side.

    Attributes:
        src: source of each group, sorted by (src, dst).
        dst: its destination.
        order: the rows, group by group, within each in the order in which they were read.
        starts: where in `order` each group begins.
    """

    src: IntArray
    dst: IntArray
    order: IntArray
    starts: IntArray

    @classmethod
    def of(cls, src: IntArray, dst: IntArray, num_src: int, num_dst: int) -> Self:
        """Group rows by their ends, of which there are so many."""
        bits = len(src).bit_length()
        if (num_src * num_dst).bit_length() + bits < 64:  # pair and place fit into one number
            packed = src * num_dst
            packed += dst
            packed <<= bits
            packed += np.arange(len(src))
            packed.sort()  # of plain numbers, several times as quick as sorting places by pairs
            order = packed & ((1 << bits) - 1)
            packed >>= bits
            starts = np.flatnonzero(np.append(True, packed[1:] != packed[:-1]))
            pairs = packed[starts]
            ends = pairs // num_dst
            return cls(ends, pairs - ends * num_dst, order, starts)
        order = np.lexsort((dst, src))
        differs = (np.diff(src[order]) != 0) | (np.diff(dst[order]) != 0)
        starts = np.flatnonzero(np.append(True, differs))
        first = order[starts]
        return cls(src[first], dst[first], order, starts)

    def sizes(self) -> IntArray:
        """Return the number of rows in each group."""
        return np.diff(np.append(self.starts, len(self.order)))

    def first(self) -> IntArray:
        """Return the first row of each group."""
        return self.order[self.starts]

    def repeats(self) -> IntArray:
        """Return all rows but the first of each group."""
        if len(self.starts) == len(self.order):
            return self.order[:0]
        later = np.ones(len(self.order), dtype=np.bool_)
        later[self.starts] = False
        return self.order[later]

    def reduce(self, function: np.ufunc, values: Doubles) -> Doubles:
        """Return what a function makes of the values of each group; they stand in `order`."""
        if len(self.starts) == len(values):
            return values
        reduced: Doubles = function.reduceat(values, self.starts)
        return reduced

    def last(self, time: Doubles | None) -> IntArray:
        """Return where in `order` the latest row of each group is; of several the last."""
        ends = np.append(self.starts[1:], len(self.order))
        if time is None or len(self.starts) == len(self.order):
            return ends - 1
        latest = np.repeat(self.reduce(np.maximum, time), self.sizes())
        place = np.where(time == latest, np.arange(len(time)), -1)
        last: IntArray = np.maximum.reduceat(place, self.starts)
        return last
