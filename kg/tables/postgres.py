"""What PostgreSQL writes: the text format of COPY, alone or in a dump of `pg_dump`."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc

from kg.errors import InputError
from kg.rejects import Tally
from kg.sources import SourceFile
from kg.tables.block import Layout
from kg.tables.delimited import LONGEST, read_delimited
from kg.tables.rows import Rows
from kg.tables.values import flat, mask_of

END = b"\\.\n"  # the line that ends the rows
_COPY = re.compile(rb"COPY\s+(?P<name>\S+)\s*\((?P<columns>[^)]*)\)\s+FROM\s+stdin", re.IGNORECASE)
_ESCAPE = re.compile(r"\\([0-7]{1,3}|x[0-9A-Fa-f]{1,2}|.)", re.DOTALL)
_SIGNS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def read_copy(
    stream: IO[bytes],
    table: str | None,
    layout: Layout,
    wanted: Sequence[str],
    numbers: Collection[str],
    source: SourceFile,
    tally: Tally,
) -> Iterator[Rows]:
    r"""Read rows as COPY writes them: a tab between fields, `\N` for null, escapes in fields.

    Args:
        stream: the file; its names of columns are those of `layout`, or in its first line.
        table: read the rows of this table out of a dump, which names the columns too.
        layout: the delimiter and perhaps names.
        wanted: columns to return.
        numbers: columns to return as float64 where all of a block are numbers.
        source: what messages call the file.
        tally: gets the number of rows and the rejects.

    Raises:
        InputError: the dump has no such table, or as of `read_delimited`.
    """
    skipped = 0
    if table is not None:
        names, skipped = _find(stream, table, source)
        layout = replace(layout, names=names)
    rows = _Rows(stream)
    for part in read_delimited(rows, layout, wanted, numbers, source, tally, skipped=skipped):
        columns = {name: _unescaped(column) for name, column in part.columns.items()}
        yield replace(part, columns=columns)


def _find(stream: IO[bytes], table: str, source: SourceFile) -> tuple[tuple[str, ...], int]:
    """Read up to the rows of a table; return its columns and the number of lines read."""
    seen = []
    for number, line in enumerate(stream, start=1):
        found = _COPY.match(line)
        if found is None:
            continue
        name = found["name"].decode("utf-8", "replace").replace('"', "")
        seen.append(name)
        if table in (name, name.rpartition(".")[2]):
            columns = found["columns"].decode("utf-8", "replace").split(",")
            return tuple(column.strip().strip('"') for column in columns), number
    known = ", ".join(seen) or "none"
    raise InputError(f"{source.path} has no rows of table {table!r} (tables: {known})")


class _Rows:
    r"""A stream up to the line `\.`, after which a dump goes on with something else."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._ended = False

    def read(self, size: int) -> bytes:
        """Return so many bytes, or up to a line more; fewer where the rows end."""
        if self._ended:
            return b""
        data = self._stream.read(size) + self._stream.readline(LONGEST)
        at = 0 if data.startswith((END, b"\\.\r\n")) else data.find(b"\n\\.") + 1
        mark = data[at : at + 4]
        if mark.startswith(b"\\.") and mark[2:3] in (b"", b"\n", b"\r"):
            self._ended = True
            return data[:at]
        return data


def _unescaped(column: Any) -> Any:
    if pa.types.is_floating(column.type):
        return column
    column = flat(column)
    escaped = mask_of(pc.match_substring(column, "\\"))
    if not escaped.any():
        return column
    mask = pa.array(escaped)
    texts = [
        "" if text == "\\N" else _ESCAPE.sub(_sign, text)
        for text in column.filter(mask).to_pylist()
    ]
    return pc.replace_with_mask(column, mask, pa.array(texts, pa.string()))


def _sign(found: re.Match[str]) -> str:
    sign = found[1]
    if sign[0] == "x" and len(sign) > 1:
        return chr(int(sign[1:], 16))
    if sign[0] in "01234567":
        return chr(int(sign, 8) & 0xFF)
    return _SIGNS.get(sign, sign)
