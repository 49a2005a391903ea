"""The columns of tables of new nodes and new edges, and their rows as strings."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kg.errors import InputError, nearest
from kg.rejects import RejectLog, Tally
from kg.start.files import SeenFile, look_at
from kg.start.table_sample import sample_table
from kg.streams import open_bytes
from kg.tables.read import read_section
from kg.tables.rows import Rows, check_columns
from kg.tables.sections import TableFile
from kg.tables.values import flat

NODES = ("type", "id", "title", "text", "domain")
EDGES = ("relation", "src", "dst", "weight", "time", "src_type", "dst_type")
_TABLES = ("csv", "tsv", "jsonl", "parquet")


class NewTable:
    """One file: CSV, TSV, JSON lines or Parquet, compressed or not.

    Args:
        path: the file.
        needed: columns that it must have.

    Attributes:
        names: of its columns.

    Raises:
        InputError: the file is missing, no such table, or lacks a column.
    """

    def __init__(self, path: Path, needed: Sequence[str]) -> None:
        seen = look_at(path)
        if seen.problem or seen.format not in _TABLES:
            known = ", ".join(_TABLES)
            raise InputError(f"{path}: {seen.problem or f'expected a table ({known})'}")
        self.names = _names(seen)
        check_columns(needed, self.names, path)
        delimited = seen.format in ("csv", "tsv")
        self._section = TableFile(
            file=(str(path),),
            format=seen.format,  # type: ignore[arg-type]
            delimiter=seen.delimiter,
            quote=seen.quote if delimited else None,
        )

    def read(self, label: str, log: RejectLog) -> tuple[Tally, Iterator[Rows]]:
        """Return the tally of the file, and its rows in batches; bad rows go to the tally.

        Args:
            label: what accounts call what it is read as.
            log: gets the rejects.
        """
        [found] = read_section(self._section, label, Path(), self.names, log)
        return found


def check_edge_columns(path: Path, names: Sequence[str]) -> None:
    """Refuse a table of edges with a column that edges do not have.

    Raises:
        InputError: names the column, the nearest one, and those that edges have.
    """
    for name in names:
        if name not in EDGES:
            hint, known = nearest(name, EDGES), ", ".join(EDGES)
            raise InputError(f"{path} has a column {name!r}{hint} (columns of edges: {known})")


def domains_in(cell: str) -> tuple[str, ...]:
    """Return the domains that a cell names: one, several with `|` between them, or none."""
    return tuple(name.strip() for name in cell.split("|") if name.strip())


def cells(rows: Rows, name: str, default: str = "") -> Any:
    """Return a column as trimmed Arrow strings, with `default` where nothing is said."""
    if name not in rows.columns:
        return pa.array([default] * len(rows), pa.string())
    trimmed = pc.utf8_trim_whitespace(flat(rows.columns[name]))
    return pc.if_else(pc.equal(trimmed, ""), default, trimmed) if default else trimmed


def _names(file: SeenFile) -> tuple[str, ...]:
    if file.format in ("csv", "tsv"):
        with open_bytes(file.path) as stream:
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
            if file.quote:
                lines = csv.reader(text, delimiter=str(file.delimiter))
            else:
                lines = csv.reader(text, delimiter=str(file.delimiter), quoting=csv.QUOTE_NONE)
            return tuple(next((line for line in lines if line), []))
    sample = sample_table(file)
    if sample.problem:
        raise InputError(f"{file.path}: {sample.problem}")
    return tuple(sample.columns)
