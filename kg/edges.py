"""The edges of one type while they are collected; `finish` merges repeats."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from kg.errors import InputError
from kg.graph import Edges
from kg.rejects import RejectLog, Tally
from kg.vocab import IntArray


@dataclass(frozen=True)
class EdgePart:
    """Edges of one type from one file, in the rows of the node sets."""

    src: IntArray
    dst: IntArray
    tally: Tally
    weight: npt.NDArray[np.float64] | None = None
    time: npt.NDArray[np.float64] | None = None


@dataclass
class EdgeSet:
    """All parts of one edge type."""

    name: str
    parts: list[EdgePart] = field(default_factory=list)

    def finish(self, src_rows: IntArray, dst_rows: IntArray) -> Edges:
        """Return the edges sorted by (src, dst), with repeats merged and counted in the tallies.

        A merged edge has the greatest weight and the latest time of its repeats.

        Args:
            src_rows: final row of each row of the source node set.
            dst_rows: the same for the destination.

        Raises:
            InputError: some parts have times and others have none.
        """
        nothing = np.empty(0, dtype=np.int64)
        parts = self.parts or [EdgePart(nothing, nothing, Tally("", "", RejectLog()))]
        timed = {part.time is not None for part in parts if len(part.src)}
        if len(timed) == 2:
            with_time = next(part.tally.file for part in parts if part.time is not None)
            without = next(p.tally.file for p in parts if p.time is None and len(p.src))
            raise InputError(f"edges {self.name!r} have times in {with_time} but not in {without}")
        src = np.concatenate([src_rows[part.src] for part in parts])
        dst = np.concatenate([dst_rows[part.dst] for part in parts])
        order, starts = _grouped(src, dst, len(src_rows), len(dst_rows))
        sizes = np.cumsum([len(part.src) for part in parts])
        fresh = np.zeros(len(src), dtype=np.bool_)
        fresh[starts] = True
        merged = np.bincount(np.searchsorted(sizes, order[~fresh], "right"), minlength=len(parts))
        for part, count in zip(parts, merged, strict=True):
            part.tally.merged += int(count)
        weight = np.concatenate(
            [np.ones(len(p.src)) if p.weight is None else p.weight for p in parts]
        )
        time: Any = None
        if timed == {True}:
            time = np.concatenate([p.time for p in parts if p.time is not None])
            time = _maxima(time[order], starts)
        first = order[starts]
        return Edges(
            src=src[first],
            dst=dst[first],
            weight=_maxima(weight[order], starts).astype(np.float32),
            time=time,
        )


def _grouped(src: IntArray, dst: IntArray, num_src: int, num_dst: int) -> tuple[IntArray, IntArray]:
    """Return the order that sorts by (src, dst), stable, and where in it each pair begins."""
    bits = len(src).bit_length()
    if (num_src * num_dst).bit_length() + bits < 64:  # pair and place in one number: one quick sort
        packed = ((src * num_dst + dst) << bits) | np.arange(len(src))
        packed.sort()
        pair = packed >> bits
        order = packed & ((1 << bits) - 1)
        fresh = pair[1:] != pair[:-1]
    else:
        order = np.lexsort((dst, src))
        fresh = (np.diff(src[order]) != 0) | (np.diff(dst[order]) != 0)
    starts = np.flatnonzero(np.append(np.ones(min(len(src), 1), dtype=np.bool_), fresh))
    return order, starts


def _maxima(values: npt.NDArray[np.float64], starts: IntArray) -> npt.NDArray[np.float64]:
    if len(starts) == len(values):  # no repeats; and of nothing, reduceat finds no maximum
        return values
    maxima: npt.NDArray[np.float64] = np.maximum.reduceat(values, starts)
    return maxima
