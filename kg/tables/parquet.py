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
from kg.tables.cells import cell
from kg.tables.rows import Rows, check_columns
from kg.tables.values import flat

BATCH = 1 << 20  # rows that are read at once


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
            check_columns(wanted, file.schema_arrow.names, source)
            first = 1
            for batch in file.iter_batches(batch_size=BATCH, columns=names):
                yield _rows(batch, first, native)
                tally.rows += batch.num_rows
                first += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{source.path} is not a Parquet file: {error}") from None


def _opened(source: SourceFile) -> Any:
    if source.path.suffix.lower() not in COMPRESSIONS:
        return pq.ParquetFile(source.path, memory_map=True)
    with open_bytes(source.path) as stream:
        return pq.ParquetFile(pa.BufferReader(stream.read()))


def _rows(batch: Any, first: int, native: Collection[str]) -> Rows:
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

    return Rows(columns, batch.num_rows, lambda: np.arange(first, first + batch.num_rows), raw)


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
