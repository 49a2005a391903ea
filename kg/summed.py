"""Files whose rows are added up: each counts once, however often it is imported into a graph."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from kg.edges import EdgePart, EdgeSet
from kg.errors import InputError
from kg.graph import EdgeType
from kg.mapping import GraphMapping
from kg.sources import source_files

ADDED_UP = ("sum", "count")  # of the rules for repeats: those under which a row again is a change
BLOCK = 1 << 20  # bytes that are hashed at once


def summed_files(mapping: GraphMapping, known: Collection[str] = ()) -> dict[tuple[str, str], str]:
    """Return the mark of each file whose rows are added up, by section and file of its account.

    A mark names the edge type and what is in the file, whatever the file is called.

    Args:
        mapping: of the import.
        known: marks of earlier imports into the graph.

    Raises:
        InputError: a file has grown since its rows were added up, so that they would count again.
    """
    marks = {}
    for i, section in enumerate(mapping.edges):
        if section.repeats not in ADDED_UP:
            continue
        name = " ".join([section.src.type, section.relation, section.dst.type])
        before = {_content(mark) for mark in known if mark.rpartition(" ")[0] == name}
        for source in source_files(section.file, mapping.folder):
            *starts, whole = _contents(source.path, {size for _, size in before})
            grown = before.intersection(starts)
            if grown and whole not in before:
                size = max(size for _, size in grown)
                raise InputError(
                    f"{source.path} has grown: the rows in its first {size:,} bytes are in the "
                    f"graph and would be added up again (repeats = {section.repeats!r}); give the "
                    "new rows in a file of their own"
                )
            marks[f"edges[{i}]", source.label] = f"{name} {whole[0]}:{whole[1]}"
    return marks


def add_up(
    edges: Mapping[EdgeType, EdgeSet],
    before: Mapping[EdgeType, EdgePart],
    marks: Mapping[tuple[str, str], str],
    known: Collection[str],
) -> None:
    """Leave out files that have been added up before, and count on from what there is.

    Args:
        edges: edges by type, with those of the graph so far as parts; changed.
        before: these parts.
        marks: what `summed_files` returns.
        known: marks of earlier imports.
    """
    for name, part_before in before.items():
        some = edges[name]
        if some.repeats not in ADDED_UP:
            continue
        fresh = []
        for part in some.parts:
            if _seen(marks.get((part.tally.section, part.tally.file)), known):
                part.tally.merged += len(part.src)
            elif part is part_before or some.repeats == "sum":
                fresh.append(part)
            else:  # a row counts one, an edge of the graph what its weight says
                fresh.append(replace(part, weight=None))
        some.parts, some.repeats = fresh, "sum"


def _content(mark: str) -> tuple[str, int]:
    """Return hash and size of the file that a mark stands for; -1 in marks without a size."""
    digest, _, size = mark.rpartition(" ")[2].partition(":")
    return digest, int(size or -1)


def _seen(mark: str | None, known: Collection[str]) -> bool:
    without_size = (mark or "").rpartition(":")[0]
    return mark is not None and any(one in known for one in (mark, without_size))


def _contents(path: Path, sizes: Collection[int]) -> Iterator[tuple[str, int]]:
    """Yield hash and size of what a file begins with, for each size that it has, and of all."""
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        for size in [*sorted(size for size in sizes if 0 <= size < path.stat().st_size), None]:
            while block := file.read(BLOCK if size is None else min(BLOCK, size - done)):
                digest.update(block)
                done += len(block)
            yield digest.hexdigest(), done
