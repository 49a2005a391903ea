"""Tables and views of an SQLite file to columns."""

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np
import pyarrow as pa

from kg.errors import InputError, nearest
from kg.rejects import Tally
from kg.sources import SourceFile
from kg.tables.cells import cell
from kg.tables.rows import Rows, check_columns

BATCH = 100_000  # rows that are read at once
NOT_A_TABLE = ("sqlite_", "android_metadata")


def read_sqlite(
    source: SourceFile,
    name: str | None,
    wanted: Sequence[str],
    numbers: Collection[str],
    tally: Tally,
) -> Iterator[Rows]:
    """Read the wanted columns of a table or view; the line of a row is its number from 1.

    Args:
        source: the file, not compressed.
        name: the table; not needed where the file has one only.
        wanted: columns to return.
        numbers: those of them that stay numbers where all of a batch are.
        tally: gets the number of rows.

    Raises:
        InputError: damaged, no SQLite file, or a table or column is missing.
    """
    columns = list(dict.fromkeys(wanted))
    try:
        address = f"{source.path.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, check_same_thread=False)) as database:
            # text that is no UTF-8 comes through as what rejects show of such bytes
            database.text_factory = lambda data: data.decode("utf-8", "backslashreplace")
            table = _table(database, name, source)
            about = database.execute(f"PRAGMA table_xinfo({_quoted(table)})")
            check_columns(wanted, [str(column[1]) for column in about], source.path)
            names = ", ".join(map(_quoted, columns))
            cursor = database.execute(f"SELECT {names} FROM {_quoted(table)}")
            first = 1
            while batch := cursor.fetchmany(BATCH):
                tally.rows += len(batch)
                yield _rows(batch, columns, first, numbers)
                first += len(batch)
    except sqlite3.Error as error:
        raise InputError(f"{source.path} cannot be read as SQLite: {error}") from None


def _table(database: sqlite3.Connection, name: str | None, source: SourceFile) -> str:
    found = database.execute("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")
    tables = sorted(str(row[0]) for row in found if not str(row[0]).startswith(NOT_A_TABLE))
    if name is None and len(tables) == 1:
        return tables[0]
    if name is None or name not in tables:
        wrong = "say which table" if name is None else f"no table {name!r}{nearest(name, tables)}"
        raise InputError(f"{source.path}: {wrong} (tables: {', '.join(tables) or 'none'})")
    return name


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _rows(
    batch: list[tuple[Any, ...]], names: list[str], first: int, numbers: Collection[str]
) -> Rows:
    columns = {
        name: _column(values, name in numbers)
        for name, values in zip(names, zip(*batch, strict=True), strict=True)
    }

    def raw(row: int) -> str:
        cells = map(cell, batch[row])
        return json.dumps(dict(zip(names, cells, strict=True)), ensure_ascii=False)

    return Rows(columns, len(batch), lambda: np.arange(first, first + len(batch)), raw)


def _column(values: tuple[Any, ...], number: bool) -> Any:
    kinds = set(map(type, values))
    if number and kinds in ({int}, {float}):
        try:
            return pa.array(values)
        except OverflowError:
            pass
    return pa.array([cell(value) for value in values], pa.string())
