"""Parquet to columns, some of them in the types that the file has."""

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kg.errors import InputError
from kg.rejects import Tally
from kg.sources import SourceFile
from kg.streams import COMPRESSIONS, open_bytes
from kg.tables.careful import NOT_UTF8
from kg.tables.cells import cell
from kg.tables.rows import Rows, check_columns
from kg.tables.values import flat
from kg.vocab import IntArray

BATCH = 1 << 20  # rows that are read at once
MOST = (1 << 31) - 1  # bytes of a compressed file, which is held as a whole


def read_parquet(
    source: SourceFile, wanted: Sequence[str], native: Collection[str], tally: Tally
) -> Iterator[Rows]:
    """Read the wanted columns; the line of a row is its number from 1.

    Args:
        source: the file.
        wanted: columns to return.
        native: those of them whose numbers and times stay what they are.
        tally: gets the number of rows.

    Raises:
        InputError: damaged, no Parquet file, or a wanted column is missing.
    """
    names = list(dict.fromkeys(wanted))
    try:
        with _opened(source) as file:
            check_columns(wanted, file.schema_arrow.names, source.path)
            first = 1
            for batch in file.iter_batches(batch_size=BATCH, columns=names):
                tally.rows += batch.num_rows
                good, places = _valid(batch, first, tally)
                yield _rows(good, places, native)
                first += batch.num_rows
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # also of a column's name
        raise InputError(f"{source.path} is not a Parquet file: {error}") from None


def _opened(source: SourceFile) -> Any:
    if source.path.suffix.lower() not in COMPRESSIONS:
        return pq.ParquetFile(source.path, memory_map=True)
    with open_bytes(source.path) as stream:
        data = stream.read(MOST + 1)
    if len(data) > MOST:
        raise InputError(f"{source.path} is over 2 GiB unpacked, which has to fit: unpack it first")
    return pq.ParquetFile(pa.BufferReader(data))


def _valid(batch: Any, first: int, tally: Tally) -> tuple[Any, IntArray]:
    """Reject the rows whose strings are none; return the others and their numbers."""
    places = np.arange(first, first + batch.num_rows)
    if _is_valid(batch):
        return batch, places
    rows = [batch.take(pa.array([i])) for i in range(batch.num_rows)]
    good = np.array([_is_valid(row) for row in rows])
    for i in np.flatnonzero(~good).tolist():
        cells = {name: _bytes(rows[i].column(name)) for name in batch.schema.names}
        tally.reject(int(places[i]), json.dumps(cells, ensure_ascii=False), NOT_UTF8)
    return batch.filter(pa.array(good)), places[good]


def _is_valid(batch: Any) -> bool:
    try:
        batch.validate(full=True)
    except pa.ArrowInvalid as error:
        if "UTF8" not in str(error):
            raise
        return False
    return True


def _bytes(column: Any) -> str:
    try:
        return cell(column[0].as_py())
    except UnicodeDecodeError:
        flat_bytes = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        return cell(column.cast(pa.binary())[0].as_py()) if flat_bytes else NOT_UTF8


def _rows(batch: Any, places: IntArray, native: Collection[str]) -> Rows:
    columns = {
        name: batch.column(name)
        if name in native and _is_plain(batch.column(name))
        else as_strings(batch.column(name))
        for name in batch.schema.names
    }

    def raw(row: int) -> str:
        cells = {
            name: as_strings(column.slice(row, 1))[0].as_py() for name, column in columns.items()
        }
        return json.dumps(cells, ensure_ascii=False)

    return Rows(columns, batch.num_rows, lambda: places, raw)


def _is_plain(column: Any) -> bool:
    kind = column.type
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_timestamp(kind)
        or pa.types.is_date(kind)
    )


def as_strings(column: Any) -> Any:
    """Return any column as strings, missing values as `""`."""
    kind = column.type
    if pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
        return flat(pc.binary_join(column, ", "))
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.array([cell(value) for value in column.to_pylist()], pa.string())
    return flat(column)
