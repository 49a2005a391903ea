"""CSV and TSV to columns: the header, then block by block."""

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from kg.errors import InputError
from kg.rejects import Tally
from kg.sources import SourceFile
from kg.tables.block import Block, Layout
from kg.tables.careful import NOT_UTF8, UNFINISHED, is_unicode
from kg.tables.rows import Rows, check_columns

BOM = b"\xef\xbb\xbf"
BLOCK = 1 << 23  # bytes that are read at once; far larger ones would be new memory each time
LONGEST = 1 << 30  # bytes of a line


class Readable(Protocol):
    """A file, or what stands for one."""

    def read(self, size: int, /) -> bytes:
        """Return so many bytes, or about; none at the end."""


def read_delimited(
    stream: Readable,
    layout: Layout,
    wanted: Sequence[str],
    numbers: Collection[str],
    source: SourceFile,
    tally: Tally,
    *,
    skipped: int = 0,
) -> Iterator[Rows]:
    """Split a file into rows of at least the wanted columns.

    Args:
        stream: the file.
        layout: how it is written.
        wanted: columns to return.
        numbers: columns to return as float64 where all of a block are numbers.
        source: what messages call the file.
        tally: gets the number of rows and the rejects.
        skipped: number of lines that were read before.

    Raises:
        InputError: no header, or one that is not text, names a column twice or lacks a wanted one;
            or a line of more than 1 GiB.
    """
    rest = fill(stream, b"")
    final = len(rest) < BLOCK
    rest = rest.removeprefix(BOM)
    while (found := _header(rest, layout, final, tally)) is None:
        more = fill(stream, rest)
        final = len(more) < len(rest) + BLOCK
        rest = more
    header, rest, line = found
    line += skipped
    check_columns(wanted, header, source.path)
    while rest or not final:
        block = rest if final else rest[: rest.rfind(b"\n") + 1]
        rest = rest[len(block) :]
        if block:
            block = block.replace(b"\r\n", b"\n") if b"\r" in block else block
            part = Block(block, line, header, layout, final)
            rows, taken = part.read(list(dict.fromkeys(wanted)), numbers, tally)
            yield rows
            line += block.count(b"\n", 0, taken)
            rest = block[taken:] + rest
        if not final:
            more = fill(stream, rest)
            final = len(more) < len(rest) + BLOCK
            rest = more


def fill(stream: Readable, rest: bytes) -> bytes:
    """Return `rest` with a block more, or with less where the file ends.

    Raises:
        InputError: that is more than 1 GiB.
    """
    parts, size = [rest], 0
    while size < BLOCK:
        more = stream.read(BLOCK - size)
        if not more:
            break
        parts.append(more)
        size += len(more)
    data = b"".join(parts)
    if len(data) > LONGEST:
        raise InputError("a line of over 1 GiB is no line of a table")
    return data


def _header(
    data: bytes, layout: Layout, final: bool, tally: Tally
) -> tuple[list[str], bytes, int] | None:
    """Return the names of the columns, what follows them, and the number of its first line.

    None says that the header may go on in what follows.
    """
    if layout.names:
        return list(layout.names), data, 1
    start = len(data) - len(data.lstrip(b"\r\n"))
    if not final and data.find(b"\n", start) < 0:
        return None
    if start == len(data):
        raise InputError(f"{tally.file} is empty: expected a header line")
    first = data.count(b"\n", 0, start)
    end = data.find(b"\n", start)
    line = data[start : end if end >= 0 else len(data)]
    text = line.removesuffix(b"\r").decode("utf-8", "surrogateescape")
    header, lines, reason = text.split(layout.delimiter), 1, ""
    if layout.quote and '"' in text:
        whole = data[start:].replace(b"\r\n", b"\n").decode("utf-8", "surrogateescape")
        reader = csv.reader(
            io.StringIO(whole, newline="\n"), delimiter=layout.delimiter, strict=True
        )
        try:
            header = next(reader)
        except csv.Error as error:
            if str(error) == UNFINISHED and not final:
                return None
            reason = f"malformed CSV: {error}"
        lines = reader.line_num
    if reason or not all(map(is_unicode, header)):
        raise InputError(f"{tally.file}, line {first + 1}: bad header: {reason or NOT_UTF8}")
    repeated = sorted(name for name, times in Counter(header).items() if times > 1)
    if repeated:
        raise InputError(f"{tally.file} has column {repeated[0]!r} more than once")
    for _ in range(lines):
        start = (data.find(b"\n", start) + 1) or len(data)
    return header, data[start:], first + lines + 1
