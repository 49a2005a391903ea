"""The accepted rows of a table, or of a part of one, and where they stand in their file."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from kg.errors import InputError, nearest
from kg.rejects import Tally
from kg.vocab import IntArray

SHOWN = 50  # columns in a message

HELD = 1 << 29  # bytes of a file that are in memory at once, about
FEW = 50_000  # rows; for fewer, another thread is no help


@dataclass(frozen=True)
class Rows:
    """Accepted rows, one after the other.

    Attributes:
        columns: Arrow columns of `size` rows by name: strings without nulls, or, where the reader
            was asked for native columns, whatever type the file has.
        size: number of rows.
        find_lines: the number of the line that each row begins on; asked for a reject only.
        raw: the text of one row.
        held: bytes of the file that are kept for that.
    """

    columns: dict[str, Any]
    size: int
    find_lines: Callable[[], IntArray]
    raw: Callable[[int], str]
    held: int = 0

    def __len__(self) -> int:
        return self.size

    @cached_property
    def line(self) -> IntArray:
        """Number of the line that each row begins on, from 1; int64 `[size]`."""
        return self.find_lines()


def in_batches(parts: Iterable[Rows], size: Callable[[], int]) -> Iterator[list[Rows]]:
    """Collect parts until they have `size()` rows together, or hold `HELD` bytes of their file.

    The last batch may have less.
    """
    pending: list[Rows] = []
    for part in parts:
        pending.append(part)
        if sum(map(len, pending)) >= size() or sum(some.held for some in pending) >= HELD:
            yield pending
            pending = []
    if any(map(len, pending)):
        yield pending


def read_ahead(parts: Iterator[Rows], draft: Tally, tally: Tally) -> Iterator[Rows]:
    """Yield what `parts` does, while a thread reads on by one.

    Args:
        parts: what a reader yields.
        draft: where the reader counts and rejects; empty.
        tally: gets that with each part.
    """

    def step() -> tuple[Rows | None, Tally]:
        return next(parts, None), draft.hand_over()

    with ThreadPoolExecutor(1) as pool:
        part, counted = step()
        while part is not None:
            tally.take_over(counted)
            coming = pool.submit(step) if len(part) >= FEW else None
            yield part
            part, counted = step() if coming is None else coming.result()
        tally.take_over(counted)


def place_of(parts: list[Rows], rows: IntArray) -> Iterator[tuple[int, str]]:
    """Yield line and raw text of rows that are counted through all `parts`."""
    ends = np.cumsum([len(part) for part in parts])
    for row, which in zip(rows.tolist(), np.searchsorted(ends, rows, "right"), strict=True):
        part = parts[which]
        at = row - int(ends[which]) + len(part)
        yield int(part.line[at]), part.raw(at)


def check_columns(wanted: Sequence[str], known: Collection[str], path: Path) -> None:
    """Refuse a file that lacks a column.

    Raises:
        InputError: names the column, the nearest one, and those that there are.
    """
    for name in wanted:
        if name not in known:
            hint, names = nearest(name, known), ", ".join(islice(known, SHOWN))
            if len(known) > SHOWN:
                names += f" and {len(known) - SHOWN:,} more"
            raise InputError(f"{path} has no column {name!r}{hint} (columns: {names})")
