"""CSV and TSV line by line: what is malformed costs its own line and no other."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.rejects import Tally
from kg.tables.rows import Rows

NOT_UTF8 = "not valid UTF-8"
UNFINISHED = "unexpected end of data"  # what `csv` says where the text ends within quotes


def read_lines(
    lines: list[str], first: int, header: Sequence[str], delimiter: str, tally: Tally
) -> Rows:
    """Read lines in which a quote is an ordinary character.

    Args:
        lines: the lines; a byte that is no UTF-8 is a lone surrogate in them.
        first: the number of the first line.
        header: names of the columns.
        delimiter: between fields.
        tally: gets the number of rows and the rejects.
    """
    numbers = np.arange(first, first + len(lines))
    filled = np.fromiter(map(bool, lines), dtype=np.bool_, count=len(lines))
    tally.rows += int(filled.sum())
    for i, line in enumerate(lines):
        if not is_unicode(line):
            filled[i] = False
            tally.reject(int(numbers[i]), line, NOT_UTF8)
    rows = [line for line, keep in zip(lines, filled.tolist(), strict=True) if keep]
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
    return Rows(
        columns,
        len(array),
        lambda: numbers,
        lambda row: str(array[row].as_py()),
        array.nbytes,
    )


def read_records(
    lines: list[str],
    first: int,
    header: Sequence[str],
    delimiter: str,
    tally: Tally,
    *,
    final: bool,
) -> tuple[Rows, int]:
    """Read records whose fields may be in quotes, as RFC 4180 says, and hold line breaks.

    A quote that is never closed would swallow everything below it. So when a record of several
    lines is malformed, or has another number of fields than the header, only its first line is
    rejected and reading goes on at the next.

    Args:
        lines: lines from the beginning of a record on.
        first: the number of the first line.
        header: names of the columns.
        delimiter: between fields.
        tally: gets the number of rows and the rejects.
        final: whether the file ends here.

    Returns:
        The rows, and how many lines they and the rejects took: all, or fewer where the last record
        may go on in what follows.
    """
    fields: list[list[str]] = []
    numbers: list[int] = []
    raws: list[str] = []
    begin = 0  # first line of the record being read
    hopeless: set[int] = set()  # lines from which on quotes that are open are never closed
    while begin < len(lines):
        offset = begin
        inside: list[int] = []  # lines on which the record being read goes on
        fed = _fed(lines, offset, inside, hopeless)
        reader = csv.reader(fed, delimiter=delimiter, strict=True)
        try:
            for values in reader:
                end = offset + reader.line_num
                if end - begin > 1 and len(values) != len(header):
                    raise csv.Error("a quoted field over several lines, wrong number of fields")
                if values:
                    raw = "\n".join(lines[begin:end])
                    tally.rows += 1
                    if not is_unicode(raw):
                        tally.reject(first + begin, raw, NOT_UTF8)
                    elif len(values) != len(header):
                        tally.reject(first + begin, raw, "wrong number of fields")
                    else:
                        fields.append(values)
                        numbers.append(first + begin)
                        raws.append(raw)
                begin = end
                inside.clear()
        except csv.Error as error:
            if str(error) == UNFINISHED and not final:
                break
            if str(error) == UNFINISHED:
                hopeless.update(inside[1:])
            tally.rows += 1
            tally.reject(first + begin, lines[begin], f"malformed CSV: {error}")
            begin += 1
    by_column: Iterable[Any] = zip(*fields, strict=True) if fields else [[] for _ in header]
    columns = {
        name: pa.array(list(values), pa.string())
        for name, values in zip(header, by_column, strict=True)
    }
    places = np.array(numbers, dtype=np.int64)
    return Rows(columns, len(places), lambda: places, raws.__getitem__, sum(map(len, raws))), begin


def is_unicode(text: str) -> bool:
    """Return whether no byte of the text was something else than UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _fed(lines: list[str], start: int, inside: list[int], hopeless: set[int]) -> Iterator[str]:
    for i in range(start, len(lines)):
        if inside and i in hopeless:  # found out before: to read on again would take for ever
            raise csv.Error(UNFINISHED)
        inside.append(i)
        yield lines[i] + "\n"
