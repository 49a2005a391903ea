"""A sample of the rows of a table, column by column."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kg.start.blocks import read_blocks
from kg.start.columns import Column
from kg.start.files import SeenFile

MOST_COLUMNS = 500
MOST_ROWS = 200_000  # of Parquet, whose rows are read in groups


@dataclass(frozen=True, kw_only=True)
class Table:
    """A sample of a table.

    Attributes:
        file: where it is from.
        columns: by name, in the file's order.
        num_rows: about how many rows the whole file has.
        complete: whether the sample is the whole file.
        problem: why the file is of no use, if so.
    """

    file: SeenFile
    columns: dict[str, Column]
    num_rows: int = 0
    complete: bool = True
    problem: str = ""


def sample_table(file: SeenFile) -> Table:
    """Read a sample of a table; rows with another number of fields than the header are passed over.

    Raises:
        InputError: the file cannot be read.
    """
    if file.format == "parquet":
        return _parquet(file)
    blocks = read_blocks(file.path)
    if file.format == "jsonl":
        names, rows = _json_rows(blocks.parts)
    else:
        names, rows = _delimited_rows(file, blocks.parts)
        problem = _header_problem(names, rows)
        if problem:
            return Table(file=file, columns={}, problem=problem)
    if len(names) > MOST_COLUMNS:
        return Table(file=file, columns={}, problem=f"it has {len(names):,} columns")
    if not rows:
        return Table(file=file, columns={}, problem="it has no rows")
    cells = zip(*rows, strict=True)
    columns = {name: _column(name, values) for name, values in zip(names, cells, strict=True)}
    return Table(
        file=file,
        columns=columns,
        num_rows=round(len(rows) / blocks.share),
        complete=blocks.complete,
    )


def _delimited_rows(
    file: SeenFile, parts: Sequence[bytes]
) -> tuple[list[str], list[Sequence[Any]]]:
    names: list[str] = []
    rows: list[Sequence[Any]] = []
    for part in parts:
        for fields in _fields(file, part):
            if not names:
                names = fields
                if len(names) > MOST_COLUMNS:
                    return names, []
            elif len(fields) == len(names):
                rows.append(fields)
    return names, rows


def _fields(file: SeenFile, part: bytes) -> Iterator[list[str]]:
    text = part.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    lines = (line for line in text.split("\n") if line.strip("\r"))
    delimiter = str(file.delimiter)
    if not file.quote:
        yield from (line.rstrip("\r").split(delimiter) for line in lines)
        return
    reader = csv.reader((line + "\n" for line in lines), delimiter=delimiter)
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:  # a sample may do without this row
            continue


def _header_problem(names: list[str], rows: Sequence[Sequence[Any]]) -> str:
    repeated = [name for name in names if names.count(name) > 1] if len(names) < 1000 else []
    if repeated:
        return f"it has column {repeated[0]!r} more than once"
    header = [Column(name, pa.array([name]), 1) for name in names[:MOST_COLUMNS] if name.strip()]
    if any(c.kind in ("integer", "number", "date", "iri") for c in header):
        return "its first line is no header: name its columns, in a line above or by `columns`"
    return "it has a single column" if len(names) == 1 and rows else ""


def _json_rows(parts: Iterable[bytes]) -> tuple[list[str], list[Sequence[Any]]]:
    found: list[dict[str, Any]] = []
    names: dict[str, None] = {}
    for part in parts:
        for line in part.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):  # a sample may do without this row
                continue
            if isinstance(row, dict):
                found.append(row)
                names.update(dict.fromkeys(row))
    if len(names) > MOST_COLUMNS:
        return list(names), []
    return list(names), [[row.get(name) for name in names] for row in found]


def _column(name: str, values: Sequence[Any]) -> Column:
    try:
        return _trimmed(name, pa.array(values, pa.string()))
    except (pa.ArrowException, UnicodeError):  # values of JSON are not all strings
        pass
    if any(isinstance(value, list | dict) for value in values):
        filled = [json.dumps(value) for value in values if value not in (None, [], {}, "")]
        return Column(name, pa.array(filled, pa.string()), len(values), nested=True)
    texts = [
        None if value is None else value if isinstance(value, str) else str(value)
        for value in values
    ]
    safe = [text and text.encode("utf-8", "replace").decode() for text in texts]
    return _trimmed(name, pa.array(safe, pa.string()))


def _trimmed(name: str, array: Any) -> Column:
    trimmed = pc.utf8_trim_whitespace(array)
    return Column(name, trimmed.filter(pc.fill_null(pc.not_equal(trimmed, ""), False)), len(array))


def _parquet(file: SeenFile) -> Table:
    try:
        parquet = pq.ParquetFile(file.path)
        names = parquet.schema_arrow.names
        if len(names) > MOST_COLUMNS or len(set(names)) < len(names):
            problem = "it has too many columns, or two of one name"
            return Table(file=file, columns={}, problem=problem)
        groups = parquet.metadata.num_row_groups
        chosen = sorted({i * groups // 8 for i in range(8)}) if groups else []
        each = MOST_ROWS // max(len(chosen), 1)
        batches = [
            next(parquet.iter_batches(each, row_groups=[group]))
            for group in chosen
            if parquet.metadata.row_group(group).num_rows
        ]
        sample = pa.Table.from_batches(batches, parquet.schema_arrow)
        columns = {name: _arrow_column(name, sample.column(name)) for name in names}
    except (pa.ArrowException, OSError, ValueError) as error:
        problem = f"it is no Parquet that can be read ({error})"
        return Table(file=file, columns={}, problem=problem)
    total = parquet.metadata.num_rows
    if not total:
        return Table(file=file, columns={}, problem="it has no rows")
    return Table(file=file, columns=columns, num_rows=total, complete=sample.num_rows == total)


def _arrow_column(name: str, column: Any) -> Column:
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("us")).cast(pa.string())
    if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
        return _column(name, [None if v is None else [str(v)] for v in column.to_pylist()])
    strings = column.cast(pa.string()).combine_chunks()
    if isinstance(strings, pa.ChunkedArray):
        strings = pa.concat_arrays(strings.chunks) if strings.num_chunks else pa.array([], "string")
    return _trimmed(name, strings)
