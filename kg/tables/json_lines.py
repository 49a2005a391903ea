"""JSON lines to columns of strings: one object per line."""

import json
from collections.abc import Iterator, Sequence
from typing import IO

import numpy as np
import pyarrow as pa

from kg.rejects import Tally
from kg.sources import SourceFile
from kg.tables.cells import cell
from kg.tables.delimited import BLOCK, BOM, fill
from kg.tables.rows import Rows, check_columns


def read_json_lines(
    stream: IO[bytes], wanted: Sequence[str], source: SourceFile, tally: Tally
) -> Iterator[Rows]:
    """Read the wanted keys of each object; a key may be left out of some rows, not of all.

    Raises:
        InputError: no row has a wanted key, or a line is longer than 1 GiB.
    """
    seen: dict[str, None] = {}  # column names, in order of first sight
    rest = fill(stream, b"")
    final = len(rest) < BLOCK
    rest, line, loaded = rest.removeprefix(BOM), 1, 0
    while rest or not final:
        end = len(rest) if final else rest.rfind(b"\n") + 1
        rows = _read(rest[:end], line, wanted, seen, tally)
        loaded += len(rows)
        yield rows
        line += rest.count(b"\n", 0, end)
        rest = rest[end:]
        if not final:
            more = fill(stream, rest)
            final = len(more) < len(rest) + BLOCK
            rest = more
    if loaded:
        check_columns(wanted, seen, source)


def _read(
    data: bytes, first: int, wanted: Sequence[str], seen: dict[str, None], tally: Tally
) -> Rows:
    values: dict[str, list[str]] = {name: [] for name in wanted}
    numbers, raws = [], []
    for number, line in enumerate(data.split(b"\n"), start=first):
        if not line.strip():
            continue
        tally.rows += 1
        raw = line.decode("utf-8", "backslashreplace").rstrip("\r")
        try:
            row = json.loads(line.decode())
            if not isinstance(row, dict):
                raise ValueError("not an object")
            cells = [cell(row.get(name)) for name in wanted]
            "".join(cells).encode()  # JSON can escape what no text can hold
        except UnicodeError:
            tally.reject(number, raw, "not valid UTF-8")
            continue
        except (ValueError, RecursionError) as error:
            tally.reject(number, raw, f"malformed JSON: {_first_words(error)}")
            continue
        seen.update(dict.fromkeys(row))
        for name, text in zip(wanted, cells, strict=True):
            values[name].append(text)
        numbers.append(number)
        raws.append(raw)
    columns = {name: pa.array(column, pa.string()) for name, column in values.items()}
    places = np.array(numbers, dtype=np.int64)
    return Rows(columns, len(places), lambda: places, raws.__getitem__)


def _first_words(error: BaseException) -> str:
    return getattr(error, "msg", str(error))
