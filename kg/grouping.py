"""Rows with the same two ends side by side: sorted as whole numbers, in as little memory as can be.

Memory that is touched for the first time costs more than what is done in it. So rows are laid out
block by block, and what was sorted is made into the result in place.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from kg.graph import BoolArray
from kg.tables.values import Doubles
from kg.vocab import IntArray

Places = npt.NDArray[np.integer]
Coded = tuple[IntArray, Places]  # what numbers stand for, and the number that each row has
BLOCK = 1 << 16  # rows that are looked at together


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Rows with the same ends side by side, sorted by (src, dst).

    Attributes:
        src: source of each group.
        dst: its destination.
        repeats: all rows but the first of each group.
        begins: where a group begins; bool `[num_rows]`.
        order: the rows, group by group, within each in the order in which they were read; None
            if nobody asked for it.
    """

    src: IntArray
    dst: IntArray
    repeats: Places
    begins: BoolArray
    order: Places | None

    @cached_property
    def starts(self) -> IntArray:
        """Where in `order` each group begins."""
        return np.flatnonzero(self.begins)

    def sizes(self) -> IntArray:
        """Return the number of rows in each group."""
        return np.diff(np.append(self.starts, len(self.begins)))

    def rows(self) -> Places:
        """Return `order`."""
        if self.order is None:
            raise RuntimeError("the order of rows was not kept")
        return self.order

    def first(self) -> Places:
        """Return the first row of each group."""
        return self.rows()[self.begins]

    def reduce(self, function: np.ufunc, values: Doubles) -> Doubles:
        """Return what a function makes of the values of each group; they stand in `order`."""
        if len(self.src) == len(values):
            return values
        reduced: Doubles = function.reduceat(values, self.starts)
        return reduced

    def last(self, time: Doubles | None) -> IntArray:
        """Return where in `order` the latest row of each group is; of several the last."""
        ends = np.append(self.starts[1:], len(self.begins))
        if time is None or len(self.src) == len(self.begins):
            return ends - 1
        latest = np.repeat(self.reduce(np.maximum, time), self.sizes())
        place = np.where(time == latest, np.arange(len(time)), -1)
        last: IntArray = np.maximum.reduceat(place, self.starts)
        return last


def group(
    src: Sequence[Coded], dst: Sequence[Coded], num_src: int, num_dst: int, *, ordered: bool
) -> Groups:
    """Group rows by their ends.

    Args:
        src: sources, in parts.
        dst: destinations, in the same parts.
        num_src: sources are less than this.
        num_dst: destinations are less than this.
        ordered: whether to keep the order of rows.
    """
    size = sum(len(codes) for _, codes in src)
    low, middle = size.bit_length(), num_dst.bit_length()
    if low + middle + num_src.bit_length() > 63:
        return _by_pairs(src, dst, ordered=ordered)
    packed = np.empty(size, dtype=np.int64)  # source, destination and place in one number
    start = 0
    for (src_of, src_code), (dst_of, dst_code) in zip(src, dst, strict=True):
        for at in _blocks(len(src_code)):
            block = packed[start + at.start : start + at.stop]
            block[:] = src_of[src_code[at]]
            block <<= middle
            block |= dst_of[dst_code[at]]
            block <<= low
            block |= np.arange(start + at.start, start + at.stop)
        start += len(src_code)
    packed.sort()  # of plain numbers, several times as quick as sorting places by pairs
    place = (1 << low) - 1
    begins = np.ones(size, dtype=np.bool_)
    for at in _blocks(size - 1):
        begins[at.start + 1 : at.stop + 1] = (
            packed[at] ^ packed[at.start + 1 : at.stop + 1]
        ) > place
    repeats = packed[~begins] & place
    order: Places | None = None
    if ordered:
        order = np.empty(size, np.int32) if low < 32 else np.empty(size, np.int64)
        for at in _blocks(size):
            order[at] = packed[at] & place
    count = 0
    for at in _blocks(size):
        kept = packed[at][begins[at]]
        packed[count : count + len(kept)] = kept
        count += len(kept)
    pairs = packed[:count]
    pairs >>= low
    ends = pairs >> middle
    pairs &= (1 << middle) - 1
    return Groups(src=ends, dst=pairs, repeats=repeats, begins=begins, order=order)


def _by_pairs(src: Sequence[Coded], dst: Sequence[Coded], *, ordered: bool) -> Groups:
    """Group rows whose ends and place do not fit into one number."""
    ends, others = (np.concatenate([of[code] for of, code in column]) for column in (src, dst))
    order = np.lexsort((others, ends))
    begins = np.ones(len(order), dtype=np.bool_)
    begins[1:] = (np.diff(ends[order]) != 0) | (np.diff(others[order]) != 0)
    first = order[begins]
    return Groups(
        src=ends[first],
        dst=others[first],
        repeats=order[~begins],
        begins=begins,
        order=order if ordered else None,
    )


def _blocks(size: int) -> Iterator[slice]:
    return (slice(start, min(start + BLOCK, size)) for start in range(0, size, BLOCK))
