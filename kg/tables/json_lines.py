"""JSON lines to columns of strings: one object per line."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import IO, Any

import numpy as np
import pyarrow as pa

from kg.rejects import Tally
from kg.sources import SourceFile
from kg.tables.cells import cell
from kg.tables.delimited import BLOCK, BOM, fill
from kg.tables.rows import Rows, check_columns
from kg.tables.values import flat

PARSED_AT_ONCE = 1 << 20  # bytes that one thread of Arrow's parses
TRIES = 3  # blocks that Arrow may fail at before it is not asked again
MOST_OPEN = 500  # brackets in a line that Arrow reads
KEPT = (pa.string(), pa.int64(), pa.null())  # types whose cells Arrow writes as `cell` does


def read_json_lines(
    stream: IO[bytes],
    wanted: Sequence[str],
    numbers: Collection[str],
    source: SourceFile,
    tally: Tally,
) -> Iterator[Rows]:
    """Read the wanted keys of each object; a key may be left out of some rows, not of all.

    Args:
        stream: the file.
        wanted: keys to return.
        numbers: those of them that stay numbers where all of a block are.
        source: what messages call the file.
        tally: gets the number of rows and the rejects.

    Raises:
        InputError: no row has a wanted key, or a line is longer than 1 GiB.
    """
    reader = _Reader(tuple(dict.fromkeys(wanted)), numbers, tally)
    rest = fill(stream, b"")
    final = len(rest) < BLOCK
    rest, line, loaded = rest.removeprefix(BOM), 1, 0
    while rest or not final:
        end = len(rest) if final else rest.rfind(b"\n") + 1
        rows = reader.read(rest[:end], line)
        loaded += len(rows)
        yield rows
        line += rest.count(b"\n", 0, end)
        rest = rest[end:]
        if not final:
            more = fill(stream, rest)
            final = len(more) < len(rest) + BLOCK
            rest = more
    if loaded:
        check_columns(wanted, reader.seen, source.path)


@dataclass
class _Reader:
    """Reads blocks of whole lines: by Arrow where all is well, line by line where not.

    Attributes:
        wanted: keys to read.
        numbers: those of them that may stay numbers.
        tally: gets the number of rows, and the rejects.
        seen: keys that some row has, in order of first sight.
        schema: types of the wanted keys, as Arrow read them last.
        tries: how often Arrow may still fail.
    """

    wanted: tuple[str, ...]
    numbers: Collection[str]
    tally: Tally
    seen: dict[str, None] = field(default_factory=dict)
    schema: Any = None
    tries: int = TRIES

    def read(self, data: bytes, first: int) -> Rows:
        columns = self._by_arrow(data) if self.tries and self._is_plain(data) else None
        if columns is None:
            return self._by_line(data, first)
        size = len(columns[self.wanted[0]])
        self.tally.rows += size
        lines = cache(partial(data.split, b"\n"))
        return Rows(
            columns,
            size,
            lambda: np.arange(first, first + size),
            lambda row: lines()[row].decode(),
            len(data),
        )

    def _is_plain(self, data: bytes) -> bool:
        """Return whether each line begins and ends as an object does, so that none is on two.

        And whether none is nested so deep that Arrow, which reads by recursion, would overflow.
        """
        if not self.wanted or b"\r" in data or not data.startswith(b"{"):
            return False
        codes = np.frombuffer(data, dtype=np.uint8)
        ends = np.flatnonzero(codes == ord("\n"))
        if not data.endswith(b"\n"):
            ends = np.append(ends, len(data))
        opened = np.flatnonzero((codes == ord("{")) | (codes == ord("[")))
        if np.diff(np.searchsorted(opened, ends), prepend=0).max() > MOST_OPEN:
            return False
        begins = ends[:-1] + 1
        return bool((codes[ends - 1] == ord("}")).all() and (codes[begins] == ord("{")).all())

    def _by_arrow(self, data: bytes) -> dict[str, Any] | None:
        """Return the columns, or None where Arrow cannot, or would not read them as they are."""
        count = data.count(b"\n") + (not data.endswith(b"\n"))
        if not data.isascii():
            try:
                data.decode()
            except UnicodeDecodeError:
                return None
        for learn in (False, True) if self.schema is not None else (True,):
            try:
                if learn:
                    self.schema = self._learned(_parsed(data, None))
                table = _parsed(data, self.schema)
            except (pa.ArrowException, UnicodeDecodeError, _Unlike):  # one also of a key
                continue
            if table.num_rows != count:
                return None  # several objects on a line
            columns = {name: table.column(name) for name in self.wanted}
            return {
                name: column if _is_number(column.type) and name in self.numbers else flat(column)
                for name, column in columns.items()
            }
        self.tries -= 1
        return None

    def _learned(self, table: Any) -> Any:
        """Return the types of the wanted keys; a time is a text that happens to look like one.

        Raises:
            _Unlike: Arrow would write the cells of a key otherwise than they are in the file.
        """
        types = {}
        for name in self.wanted:
            known = name in table.column_names
            kind = table.schema.field(name).type if known else pa.null()
            types[name] = pa.string() if pa.types.is_temporal(kind) else kind
            if types[name] not in KEPT and not (name in self.numbers and _is_number(kind)):
                raise _Unlike
        self.seen.update(dict.fromkeys(table.column_names))
        return pa.schema(list(types.items()))

    def _by_line(self, data: bytes, first: int) -> Rows:
        values: dict[str, list[str]] = {name: [] for name in self.wanted}
        numbers, raws = [], []
        for number, line in enumerate(data.split(b"\n"), start=first):
            if not line.strip():
                continue
            self.tally.rows += 1
            raw = line.decode("utf-8", "backslashreplace").rstrip("\r")
            try:
                row = json.loads(line.decode())
                if not isinstance(row, dict):
                    raise ValueError("not an object")
                cells = [cell(row.get(name)) for name in self.wanted]
                "".join(cells).encode()  # JSON can escape what no text can hold
            except UnicodeError:
                self.tally.reject(number, raw, "not valid UTF-8")
                continue
            except (ValueError, RecursionError) as error:
                self.tally.reject(number, raw, f"malformed JSON: {_first_words(error)}")
                continue
            self.seen.update(dict.fromkeys(row))
            for name, text in zip(self.wanted, cells, strict=True):
                values[name].append(text)
            numbers.append(number)
            raws.append(raw)
        columns = {name: pa.array(column, pa.string()) for name, column in values.items()}
        places = np.array(numbers, dtype=np.int64)
        return Rows(columns, len(places), lambda: places, raws.__getitem__, len(data))


def _parsed(data: bytes, schema: Any) -> Any:
    import pyarrow.json as arrow_json

    return arrow_json.read_json(
        pa.BufferReader(data),
        arrow_json.ReadOptions(block_size=PARSED_AT_ONCE),
        arrow_json.ParseOptions(
            explicit_schema=schema,
            unexpected_field_behavior="infer" if schema is None else "ignore",
        ),
    )


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


class _Unlike(Exception):
    """Arrow's cells are not those of the file."""


def _first_words(error: BaseException) -> str:
    return getattr(error, "msg", str(error))
