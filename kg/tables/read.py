"""Tables of any format to columns of strings with line numbers."""

import json
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kg.tables.delimited import Rows, read_delimited
from kg.errors import InputError, nearest
from kg.rejects import Tally
from kg.sources import SourceFile
from kg.streams import open_bytes, plain_suffix
from kg.tables.values import flat

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}

DELIMITERS = {"csv": ",", "tsv": "\t"}


def read_table(
    source: SourceFile,
    wanted: Sequence[str],
    tally: Tally,
    *,
    format: str | None = None,
    delimiter: str | None = None,
    quote: bool | None = None,
) -> Rows:
    """Read the wanted columns of a table; bad rows go to `tally`, the rest come back.

    Every cell becomes a string: numbers as they are written, missing values `""`, lists joined
    with `", "`, other nested values as JSON. The line of a Parquet row is its number from 1.

    Args:
        source: the file.
        wanted: columns to return.
        tally: gets the number of rows and the rejects.
        format: csv, tsv, jsonl or parquet; by default from the file name.
        delimiter: between fields; by default a comma in CSV, a tab in TSV.
        quote: whether `"` quotes fields; by default in CSV and not in TSV.

    Raises:
        InputError: unknown format, damaged file, or a wanted column is not in it.
    """
    kind = format or FORMATS.get(plain_suffix(source.path))
    if kind is None:
        known = ", ".join(FORMATS)
        raise InputError(
            f"{source.path} has no known table format (known: {known}, each also with .gz, .zst, "
            '.bz2 or .xz); say format = "csv", "tsv", "jsonl" or "parquet"'
        )
    with open_bytes(source.path) as stream:
        data = stream.read()
    if kind == "parquet":
        rows = _read_parquet(data, wanted, source, tally)
    elif kind == "jsonl":
        rows = _read_json_lines(data, wanted, source, tally)
    else:
        quoted = kind == "csv" if quote is None else quote
        rows = read_delimited(data, delimiter or DELIMITERS[kind], quoted, tally)
    _check_columns(wanted, rows.columns, source)
    return rows


def _check_columns(wanted: Sequence[str], known: Collection[str], source: SourceFile) -> None:
    for name in wanted:
        if name not in known:
            hint, names = nearest(name, known), ", ".join(known)
            raise InputError(f"{source.path} has no column {name!r}{hint} (columns: {names})")


def _read_json_lines(data: bytes, wanted: Sequence[str], source: SourceFile, tally: Tally) -> Rows:
    values: dict[str, list[str]] = {name: [] for name in wanted}
    seen: dict[str, None] = {}  # column names, in order of first sight
    numbers, raws = [], []
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not line.strip():
            continue
        tally.rows += 1
        raw = line.decode("utf-8", "backslashreplace").rstrip("\r")
        try:
            row = json.loads(line.decode())
            if not isinstance(row, dict):
                raise ValueError("not an object")
            cells = [_cell(row.get(name)) for name in wanted]
            "".join(cells).encode()  # JSON can escape what no text can hold
        except UnicodeError:
            tally.reject(number, raw, "not valid UTF-8")
            continue
        except (ValueError, RecursionError) as error:
            tally.reject(number, raw, f"malformed JSON: {_first_words(error)}")
            continue
        seen.update(dict.fromkeys(row))
        for name, cell in zip(wanted, cells, strict=True):
            values[name].append(cell)
        numbers.append(number)
        raws.append(raw)
    if raws:  # a key may be left out of some rows, not of all
        _check_columns(wanted, seen, source)
    columns = {name: pa.array(column, pa.string()) for name, column in values.items()}
    return Rows(columns, np.array(numbers, dtype=np.int64), raws.__getitem__)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(not isinstance(part, dict | list) for part in value):
        return ", ".join(_cell(part) for part in value)
    return json.dumps(value, ensure_ascii=False)


def _first_words(error: BaseException) -> str:
    return getattr(error, "msg", str(error))


def _read_parquet(data: bytes, wanted: Sequence[str], source: SourceFile, tally: Tally) -> Rows:
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        names = file.schema_arrow.names
        _check_columns(wanted, names, source)
        table = file.read(columns=list(dict.fromkeys(wanted)))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{source.path} is not a Parquet file: {error}") from None
    tally.rows += table.num_rows
    columns = {name: _as_strings(table.column(name)) for name in table.column_names}

    def raw(row: int) -> str:
        cells = {name: column[row].as_py() for name, column in columns.items()}
        return json.dumps(cells, ensure_ascii=False)

    return Rows(columns, np.arange(1, table.num_rows + 1), raw)


def _as_strings(column: Any) -> Any:
    kind = column.type
    if pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
        return flat(pc.binary_join(column.combine_chunks(), ", "))
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.array([_cell(_plain(value)) for value in column.to_pylist()], pa.string())
    return flat(column)


def _plain(value: Any) -> Any:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
