"""CSV and TSV to columns of strings: no row is lost, each bad one is rejected with its line."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.errors import InputError
from kg.rejects import Tally
from kg.vocab import IntArray

NOT_UTF8 = "not valid UTF-8"
MAX_BYTES = 2**31 - 1  # what one Arrow array of strings can hold


@dataclass(frozen=True)
class Rows:
    """The accepted rows of a table: columns of strings, their lines, and their raw text."""

    columns: dict[str, Any]
    line: IntArray
    raw: Callable[[int], str]

    def __len__(self) -> int:
        return len(self.line)


def read_delimited(data: bytes, delimiter: str, quote: bool, tally: Tally) -> Rows:
    """Split the bytes of a whole file whose first line is the header.

    Without a `"` in it, or without quoting, a line is a row and the split is vectorised.

    Args:
        data: the file.
        delimiter: one character between fields.
        quote: whether `"` quotes fields, as RFC 4180 says; otherwise it is a character.
        tally: gets the number of rows and the rejects.

    Raises:
        InputError: no header, or a header that is not text or names a column twice.
    """
    if len(data) >= MAX_BYTES:
        raise InputError(f"{tally.file} has over 2 GiB of text: split it and list the parts")
    data = data.removeprefix(b"\xef\xbb\xbf")
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    text = data.decode("utf-8", "surrogateescape")  # a bad byte becomes a lone surrogate
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    quoted = quote and '"' in text
    records = _records(lines, delimiter) if quoted else iter(())
    start = next((i for i, line in enumerate(lines) if line), None)
    if start is None:
        raise InputError(f"{tally.file} is empty: expected a header line")
    if quoted:
        _, raw, header, reason = next(records)
    else:
        raw, header, reason = lines[start], lines[start].split(delimiter), ""
    if reason or not _is_unicode(raw):
        raise InputError(f"{tally.file}, line {start + 1}: bad header: {reason or NOT_UTF8}")
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise InputError(f"{tally.file} has column {repeated[0]!r} more than once")
    clean = data.isascii() or _is_unicode(text)
    if quoted:
        return _from_records(records, header, clean, tally)
    return _from_lines(lines, start + 1, header, delimiter, clean, tally)


def _from_lines(
    lines: list[str], start: int, header: list[str], delimiter: str, clean: bool, tally: Tally
) -> Rows:
    numbers = np.arange(start + 1, len(lines) + 1)
    rows = lines[start:]
    filled = np.fromiter(map(bool, rows), dtype=np.bool_, count=len(rows))
    tally.rows += int(filled.sum())
    if not clean:
        for i, row in enumerate(rows):
            if not _is_unicode(row):
                filled[i] = False
                tally.reject(int(numbers[i]), row, NOT_UTF8)
    if not filled.all():
        rows = [row for row, keep in zip(rows, filled, strict=True) if keep]
        numbers = numbers[filled]
    array = pa.array(rows, pa.string())
    fields = pc.split_pattern(array, delimiter)
    width = len(header)
    good = pc.equal(pc.list_value_length(fields), width).to_numpy(zero_copy_only=False)
    for bad in np.flatnonzero(~good).tolist():
        tally.reject(int(numbers[bad]), rows[bad], "wrong number of fields")
    if not good.all():
        array, fields = array.filter(pa.array(good)), fields.filter(pa.array(good))
        numbers = numbers[good]
    cells = fields.flatten()
    places = np.arange(0, len(cells), width)
    columns = {name: cells.take(pa.array(places + j)) for j, name in enumerate(header)}
    return Rows(columns, numbers.astype(np.int64), lambda row: str(array[row].as_py()))


def _from_records(
    records: Iterator[tuple[int, str, list[str], str]],
    header: list[str],
    clean: bool,
    tally: Tally,
) -> Rows:
    fields, numbers, raws = [], [], []
    for line, raw, values, reason in records:
        tally.rows += 1
        if not reason and len(values) != len(header):
            reason = "wrong number of fields"
        if not reason and not clean and not _is_unicode(raw):
            reason = NOT_UTF8
        if reason:
            tally.reject(line, raw, reason)
            continue
        fields.append(values)
        numbers.append(line)
        raws.append(raw)
    by_column = zip(*fields, strict=True) if fields else [[] for _ in header]
    columns = {
        name: pa.array(list(values), pa.string())
        for name, values in zip(header, by_column, strict=True)
    }
    return Rows(columns, np.array(numbers, dtype=np.int64), raws.__getitem__)


def _records(lines: list[str], delimiter: str) -> Iterator[tuple[int, str, list[str], str]]:
    """Yield line, raw text, fields and reason of every record; either fields or a reason.

    A quote that is never closed would swallow everything below it. So when a record of several
    lines is malformed, or has another number of fields than the header, only its first line is
    rejected and reading goes on at the next.
    """
    begin, width = 0, 0  # first line of the record being read; fields of the header
    while begin < len(lines):
        offset = begin
        reader = csv.reader(
            (lines[i] + "\n" for i in range(offset, len(lines))), delimiter=delimiter, strict=True
        )
        try:
            for values in reader:
                end = offset + reader.line_num
                if end - begin > 1 and width and len(values) != width:
                    raise csv.Error("a quoted field over several lines, wrong number of fields")
                if values:
                    width = width or len(values)
                    yield begin + 1, "\n".join(lines[begin:end]), values, ""
                begin = end
        except csv.Error as error:
            yield begin + 1, lines[begin], [], f"malformed CSV: {error}"
            begin += 1


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
