"""The files that batch queries read and write, a block of rows at a time."""

import csv
import io
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from kg.errors import InputError
from kg.files import write_file
from kg.streams import open_bytes, plain_suffix
from kg.vocab import IntArray

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
READ = (*_DELIMITERS, ".txt", ".parquet")
_WRITTEN = (".parquet", ".csv", ".tsv", ".jsonl")


@dataclass(frozen=True)
class TableFile:
    """A table on disk: `.csv` or `.tsv` with a header, `.txt` with one value a line, `.parquet`.

    All but Parquet may be compressed. What is text in the file stays text, as it is.

    Attributes:
        path: the file.
        schema: its columns.
        headless: the first line is a row already.
    """

    path: Path
    schema: pa.Schema
    headless: bool = False

    def blocks(self, size: int) -> Iterator[tuple[pa.Table, IntArray]]:
        """Yield at most `size` rows at a time, with the line each ends on (its row in Parquet).

        Raises:
            InputError: a row has another number of fields than the header, or is not text.
        """
        if plain_suffix(self.path) == ".parquet":
            start = 1
            with pa.parquet.ParquetFile(self.path) as file:
                for batch in file.iter_batches(size):
                    yield pa.Table.from_batches([batch]), np.arange(start, start + len(batch))
                    start += len(batch)
            return
        records = _records(self.path)
        if not self.headless:
            next(records)
        width = len(self.schema)
        while block := list(itertools.islice(records, size)):
            for line, values in block:
                if len(values) != width:
                    raise InputError(
                        f"{self.path}, line {line}: expected {width} fields, got {len(values)}"
                    )
            columns = zip(*(values for _, values in block), strict=True)
            arrays = [pa.array(column, pa.string()) for column in columns]
            yield pa.table(arrays, schema=self.schema), np.array([line for line, _ in block])

    def place(self, line: int) -> str:
        """Return how a message names a row."""
        word = "row" if plain_suffix(self.path) == ".parquet" else "line"
        return f"{self.path}, {word} {line}"


def open_column(path: Path, *wanted: str) -> tuple[TableFile, str]:
    """Open a file of ids; returns it and the name of the column that has them.

    It is the first of `wanted` that is there, or the only one. Where there is only one, a first
    line other than these is an id too.

    Raises:
        InputError: missing, empty, of another kind, or without such a column.
    """
    table = open_table(path)
    names = table.schema.names
    for name in wanted:
        if name in names:
            return table, name
    if len(names) > 1:
        listed = " or ".join(map(repr, wanted))
        raise InputError(f"{path} has no column {listed} (columns: {', '.join(names)})")
    if plain_suffix(path) == ".parquet":
        return table, names[0]
    return TableFile(path, pa.schema({wanted[0]: pa.string()}), headless=True), wanted[0]


def open_pairs(path: Path) -> tuple[TableFile, str, str]:
    """Open a table of pairs; returns it and the names of its columns of users and of items.

    They are called `user` and `item`, or are the first two.

    Raises:
        InputError: missing, empty, of another kind, with fewer than two columns, or with a column
            `score` or `probability` already.
    """
    table = open_table(path)
    names = table.schema.names
    if len(names) < 2:
        raise InputError(f"{path}: expected columns user and item, got {', '.join(names)}")
    for name in ("score", "probability"):
        if name in names:
            raise InputError(f"{path} has a column {name!r} already")
    named = {"user", "item"} <= set(names)
    return (table, "user", "item") if named else (table, names[0], names[1])


def check_suffix(path: Path, *further: str) -> None:
    """Refuse a kind of file that is not written.

    Raises:
        InputError: it is none of those of `write_table`, nor, perhaps compressed, of `further`.
    """
    if path.suffix not in _WRITTEN and plain_suffix(path) not in further:
        known = ", ".join((*_WRITTEN, *further))
        raise InputError(f"{path}: expected {known}, got {path.suffix!r}")


@contextmanager
def write_table(path: Path, schema: pa.Schema) -> Iterator[Any]:
    """Yield a writer of Arrow tables to CSV, TSV, Parquet or JSON lines, renamed at the end.

    Raises:
        InputError: another kind of file.
    """
    check_suffix(path)
    with write_file(path) as aside:
        if path.suffix == ".parquet":
            writer = pa.parquet.ParquetWriter(aside, schema)
        elif path.suffix == ".jsonl":
            writer = _JsonLinesWriter(aside)
        else:
            style = pa.csv.WriteOptions(delimiter=_DELIMITERS[path.suffix], quoting_style="needed")
            writer = pa.csv.CSVWriter(aside, schema, write_options=style)
        with writer:
            yield writer


class _JsonLinesWriter:
    """Writes one JSON object a row."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="\n")

    def __enter__(self) -> "_JsonLinesWriter":
        return self

    def __exit__(self, *raised: object) -> None:
        self._file.close()

    def write_table(self, table: pa.Table) -> None:
        """Write the rows of a table."""
        columns = [_plain(column) for column in table.columns]
        for values in zip(*columns, strict=True):
            record = dict(zip(table.column_names, values, strict=True))
            self._file.write(json.dumps(record, ensure_ascii=False, default=str) + "\n")


def _plain(column: Any) -> list[Any]:
    """Return values for JSON: as few digits as tell a float32 from others, null for no number."""
    if not pa.types.is_floating(column.type):
        values: list[Any] = column.to_pylist()
        return values
    finite = pc.if_else(pc.is_finite(column), column, None)
    texts = finite.cast(pa.string()).to_pylist()
    return [None if text is None else float(text) for text in texts]


def open_table(path: Path) -> TableFile:
    """Open a table of any columns.

    Raises:
        InputError: missing, empty, of another kind, or with a column twice.
    """
    if plain_suffix(path) == ".parquet":
        try:
            return TableFile(path, pa.parquet.read_schema(path))
        except FileNotFoundError:
            raise InputError(f"no such file: {path}") from None
        except pa.ArrowInvalid as error:
            raise InputError(f"{path} is not Parquet: {error}") from None
    first = next(_records(path), None)
    if first is None:
        raise InputError(f"{path} is empty")
    repeated = sorted({name for name in first[1] if first[1].count(name) > 1})
    if repeated:
        raise InputError(f"{path} has column {repeated[0]!r} more than once")
    return TableFile(path, pa.schema(dict.fromkeys(first[1], pa.string())))


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and fields of every record that is not blank."""
    suffix = plain_suffix(path)
    if suffix not in READ:
        raise InputError(f"{path}: expected .csv, .tsv, .txt or .parquet, got {suffix!r}")
    if not path.is_file():
        raise InputError(f"no such file: {path}")
    try:
        with open_bytes(path) as stream:
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
            if suffix == ".txt":
                stripped = ((n, line.strip()) for n, line in enumerate(text, 1))
                yield from ((n, [line]) for n, line in stripped if line)
            else:
                reader = csv.reader(text, delimiter=_DELIMITERS[suffix], strict=True)
                yield from ((reader.line_num, record) for record in reader if record)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
