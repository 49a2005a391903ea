"""The edges of one type while they are collected; `finish` merges repeats."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from kg.errors import InputError
from kg.graph import Edges
from kg.rejects import Tally
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
        parts = self.parts
        timed = {part.time is not None for part in parts if len(part.src)}
        if len(timed) == 2:
            with_time = next(part.tally.file for part in parts if part.time is not None)
            without = next(p.tally.file for p in parts if p.time is None and len(p.src))
            raise InputError(f"edges {self.name!r} have times in {with_time} but not in {without}")
        src = src_rows[np.concatenate([part.src for part in parts])]
        dst = dst_rows[np.concatenate([part.dst for part in parts])]
        weight = np.concatenate(
            [np.ones(len(p.src)) if p.weight is None else p.weight for p in parts]
        )
        order = np.lexsort((dst, src))  # stable: of repeats, the first row read comes first
        src, dst = src[order], dst[order]
        fresh = np.ones(len(src), dtype=np.bool_)
        fresh[1:] = (src[1:] != src[:-1]) | (dst[1:] != dst[:-1])
        starts = np.flatnonzero(fresh)
        of_part = np.repeat(np.arange(len(parts)), [len(part.src) for part in parts])
        merged = np.bincount(of_part[order[~fresh]], minlength=len(parts))
        for part, count in zip(parts, merged, strict=True):
            part.tally.merged += int(count)
        time: Any = None
        if timed == {True}:
            time = np.concatenate([p.time for p in parts if p.time is not None])
            time = np.maximum.reduceat(time[order], starts)
        return Edges(
            src=src[starts],
            dst=dst[starts],
            weight=_maxima(weight[order], starts).astype(np.float32),
            time=time,
        )


def _maxima(values: npt.NDArray[np.float64], starts: IntArray) -> npt.NDArray[np.float64]:
    if not len(starts):  # reduceat refuses to start beyond the end
        return values[:0]
    maxima: npt.NDArray[np.float64] = np.maximum.reduceat(values, starts)
    return maxima
