"""The `[[edges]]` sections of a mapping: tables with one edge per row."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from kg.door import Door, Ids
from kg.edges import EdgePart, EdgeSet
from kg.graph import BoolArray, EdgeType
from kg.grouping import Places
from kg.mapping import GraphMapping
from kg.nodes import NodeSet
from kg.progress import Bar
from kg.rejects import RejectLog, Tally
from kg.tables.read import read_section
from kg.tables.rows import FEW, Rows, in_batches, place_of
from kg.tables.sections import EdgeFile, End
from kg.tables.times import UNITS, TimeColumn
from kg.tables.values import Doubles, chunks_of, to_numbers
from kg.vocab import IntArray

T = TypeVar("T")
AT_ONCE = 1 << 24  # rows whose ids are looked up at once, at least


def read_edge_tables(
    mapping: GraphMapping,
    door: Door,
    sets: dict[str, NodeSet],
    edges: dict[EdgeType, EdgeSet],
    log: RejectLog,
    bar: Bar,
) -> list[Tally]:
    """Read all edge tables into `sets` and `edges` and return the tally of each file."""
    tallies = []
    for i, section in enumerate(mapping.edges):
        ends = (section.src, section.dst)
        measures = [name for name in (section.weight, section.time) if name is not None]
        columns = [end.column for end in ends]
        worded = {*columns, *([section.weight] if section.weights else [])}
        worded |= set() if section.time_format in (None, *UNITS) else {section.time}
        files = read_section(
            section,
            f"edges[{i}]",
            mapping.folder,
            [*columns, *measures],
            log,
            ids=columns,
            numbers=[name for name in measures if name not in worded],
        )
        name = (section.src.type, section.relation, section.dst.type)
        into = edges.setdefault(name, EdgeSet(" ".join(name)))
        into.repeats = section.repeats
        of_end = [sets.setdefault(end.type, NodeSet(end.type)) for end in ends]
        for tally, parts in files:
            tallies.append(tally)
            reader = _Reader(section, tally, door, of_end)
            # looking ids up takes a pass over all nodes, so that more nodes mean fewer batches
            for batch in in_batches(parts, lambda: max(AT_ONCE, *map(len, of_end))):  # noqa: B023
                into.parts.append(reader.read(batch))
                bar.advance(0, note=f"{tally.file}: {tally.rows:,} rows")
            tally.check()
        bar.advance()
    # what columns took serves what comes: pages that are touched for the first time are slow
    pa.default_memory_pool().release_unused()
    return tallies


class _Reader:
    """Turns batches of rows of one file into edges."""

    def __init__(self, section: EdgeFile, tally: Tally, door: Door, nodes: list[NodeSet]) -> None:
        self._section = section
        self._tally = tally
        self._door = door
        self._nodes = nodes
        self._times = TimeColumn(section.time_format)

    def read(self, batch: list[Rows]) -> EdgePart:
        section, tally = self._section, self._tally
        size = sum(map(len, batch))
        reasons = Reasons(size)
        weight = time = None
        if section.weight is not None:
            chunks, worded = _chunks(batch, section.weight), bool(section.weights)
            weight, good = _looked_up(chunks, section.weights) if worded else _numbers(chunks)
            good &= np.abs(weight) <= np.finfo(np.float32).max
            kind = "none of the values in weights" if worded else "not a finite number"
            reasons.where(~good, f"{section.weight} is {kind}")
        if section.time is not None:
            time, good = self._times.read(_chunks(batch, section.time))
            reasons.where(~good, f"{section.time} is {self._times.meaning}")
        ends = (section.src, section.dst)
        each = map if size < FEW else _at_once
        found = list(each(partial(self._ids, batch), ends))
        for end, nodes, ids in zip(ends, self._nodes, found, strict=True):
            if not end.create:
                unknown = ids.rows_of(nodes.lookup(ids.distinct) < 0)
                reasons.where(unknown, f"unknown {end.type}")
        for end, ids in zip(ends, found, strict=True):
            reasons.where(ids.blank(), f"{end.column} is empty")
        reasons.reject(batch, tally)
        kept = reasons.none()
        if section.at_least is not None and weight is not None:
            kept, weight = self._strong(kept, weight, section.at_least)
        rows = partial(_rows, good=kept)
        each = map if self._nodes[0] is self._nodes[1] else each
        (src, src_row), (dst, dst_row) = each(rows, self._nodes, found)
        tally.loaded += len(src)
        return EdgePart(
            src=src,
            dst=dst,
            tally=tally,
            src_row=src_row,
            dst_row=dst_row,
            weight=None if weight is None else weight[kept],
            time=None if time is None else time[kept],
        )

    def _strong(
        self, kept: BoolArray | slice, weight: Doubles, at_least: float
    ) -> tuple[BoolArray, Doubles]:
        """Return which rows are edges, or with `last` take one back, and their weights."""
        good = np.zeros(len(weight), dtype=np.bool_)
        good[kept] = True
        weak = good & (weight < at_least)
        if self._section.repeats == "last":
            return good, np.where(weak, np.nan, weight)
        self._tally.loaded += int(weak.sum())
        self._tally.ignored += int(weak.sum())
        return good & ~weak, weight

    def _ids(self, batch: list[Rows], end: End) -> Ids:
        return self._door.ids(_chunks(batch, end.column), end.type, end.space)


def _at_once(do: Callable[..., T], *of_ends: Sequence[Any]) -> list[T]:
    """Call a function for both ends; Arrow and NumPy leave the interpreter to the other."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(do, *of_ends))


class Reasons:
    """Why rows are rejected; of several reasons the last that is given stays."""

    def __init__(self, size: int) -> None:
        self._code = np.zeros(size, dtype=np.int8)
        self._texts = [""]

    def where(self, bad: BoolArray, text: str) -> None:
        """Reject rows for a reason."""
        if bad.any():
            self._code[bad] = len(self._texts)
            self._texts.append(text)

    def none(self) -> BoolArray | slice:
        """Return which rows are good; a slice of all of them copies nothing."""
        return self._code == 0 if self._code.any() else slice(None)

    def reject(self, batch: list[Rows], tally: Tally) -> None:
        """Hand what is rejected to a tally."""
        rows = np.flatnonzero(self._code)
        for (line, raw), row in zip(place_of(batch, rows), rows.tolist(), strict=True):
            tally.reject(line, raw, self._texts[self._code[row]])


def _chunks(batch: list[Rows], column: str) -> list[Any]:
    return [chunk for rows in batch for chunk in chunks_of(rows.columns[column])]


def _numbers(chunks: list[Any]) -> tuple[Doubles, BoolArray]:
    found = [to_numbers(chunk) for chunk in chunks]
    return np.concatenate([part[0] for part in found]), np.concatenate([part[1] for part in found])


def _looked_up(chunks: list[Any], weights: dict[str, float]) -> tuple[Doubles, BoolArray]:
    """Return what values stand for, and where they stand for something."""
    encoded = pa.chunked_array(chunks).dictionary_encode()
    parts = [part for part in encoded.chunks if len(part)]
    if not parts:
        return np.empty(0), np.empty(0, dtype=np.bool_)
    values = [weights.get(text.strip(), np.nan) for text in parts[0].dictionary.to_pylist()]
    found = np.array(values)[np.concatenate([part.indices.to_numpy() for part in parts])]
    return found, ~np.isnan(found)


def _rows(nodes: NodeSet, ids: Ids, good: BoolArray | slice) -> tuple[Places, IntArray]:
    """Return which distinct id each good row has, and the row of each of these in the node set.

    Ids that no table has are added; a rejected row adds none.
    """
    if isinstance(good, slice):
        return ids.code, nodes.add(ids.distinct)
    code = ids.code[good]
    used = np.zeros(len(ids.distinct), dtype=np.bool_)
    used[code] = True
    row_of = np.zeros(len(ids.distinct), dtype=np.int64)
    row_of[used] = nodes.add(ids.distinct.filter(pa.array(used)))
    return code, row_of
