"""A block of CSV or TSV to columns: by Arrow where all is well, line by line where not."""

import csv
from codecs import BOM_UTF8
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from kg.rejects import Tally
from kg.tables.careful import read_lines, read_records
from kg.tables.rows import Rows
from kg.vocab import IntArray

CHUNK = 1 << 20  # bytes that one thread of Arrow's parses at once
LIMIT = csv.field_size_limit()  # characters of a quoted field, as the line-by-line reader has it


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How rows are written.

    Attributes:
        delimiter: one character between fields.
        quote: whether `"` quotes fields, as RFC 4180 says; otherwise it is a character.
        names: of the columns, where the file has no header.
    """

    delimiter: str
    quote: bool
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Block:
    """A block of whole lines that begins where a record does."""

    data: bytes
    first: int  # number of its first line
    header: list[str]
    layout: Layout
    final: bool  # whether the file ends with it

    def read(self, wanted: list[str], numbers: Collection[str], tally: Tally) -> tuple[Rows, int]:
        """Return the rows, and how many bytes they took."""
        if self._plain:
            columns = self._by_arrow(wanted, numbers)
            if columns is not None:
                size = len(next(iter(columns.values())))
                tally.rows += size
                held = len(self.data)
                return Rows(columns, size, lambda: self._places[0], self._raw, held), self._end
        text = self.data.decode("utf-8", "surrogateescape")
        lines = text.split("\n")
        if not lines[-1]:
            lines.pop()
        delimiter = self.layout.delimiter
        if not len(self._quotes):
            return read_lines(lines, self.first, self.header, delimiter, tally), len(self.data)
        rows, count = read_records(
            lines, self.first, self.header, delimiter, tally, final=self.final
        )
        if count == len(lines):
            return rows, len(self.data)
        rest = "\n".join(lines[count:]) + "\n"
        return rows, len(self.data) - len(rest.encode("utf-8", "surrogateescape"))

    @cached_property
    def _quotes(self) -> IntArray:
        if not self.layout.quote or b'"' not in self.data:
            return np.empty(0, dtype=np.int64)
        return np.flatnonzero(self._bytes == ord('"'))

    @cached_property
    def _bytes(self) -> Any:
        return np.frombuffer(self.data, dtype=np.uint8)

    @cached_property
    def _breaks(self) -> IntArray:
        """Where lines end."""
        return np.flatnonzero(self._bytes == ord("\n"))

    @cached_property
    def _ends(self) -> IntArray:
        """Where records end: at the line breaks outside of quotes."""
        if not len(self._quotes):
            return self._breaks
        outside = np.searchsorted(self._quotes, self._breaks) % 2 == 0
        ends: IntArray = self._breaks[outside]
        return ends

    @cached_property
    def _end(self) -> int:
        """Where the last whole record ends."""
        if self.final or not len(self._quotes):
            return len(self.data)
        return int(self._ends[-1]) + 1 if len(self._ends) else 0

    @cached_property
    def _plain(self) -> bool:
        """Whether the two readers cannot differ: no odd quotes or line ends, and all is text."""
        if b"\r" in self.data or not self._end or not self.layout.delimiter.isascii():
            return False
        if self.data.startswith(BOM_UTF8):  # Arrow would take it for the mark of a file
            return False
        if not self.data.isascii():
            try:
                self.data.decode()
            except UnicodeDecodeError:
                return False
        return not len(self._quotes) or self._well_quoted()

    def _well_quoted(self) -> bool:
        """Return whether each quote opens a field, closes one, or is one of two within a field."""
        quotes = self._quotes[self._quotes < self._end]
        if len(quotes) % 2:
            return False
        opening, closing = quotes[::2], quotes[1::2]
        edges = np.frombuffer(f"{self.layout.delimiter}\n".encode(), dtype=np.uint8)
        padded = np.full(len(self.data) + 2, ord("\n"), dtype=np.uint8)
        padded[1:-1] = self._bytes
        begins = np.isin(padded[opening], edges)  # the byte before
        finishes = np.isin(padded[closing + 2], edges)  # the byte after
        doubled = closing[:-1] + 1 == opening[1:]
        if not (begins | np.append(False, doubled)).all():
            return False
        if not (finishes | np.append(doubled, False)).all():
            return False
        # a pair that is two quotes within a field has neither an edge before nor one after it
        ends = np.append(-1, self._ends)
        return bool((np.diff(ends) <= LIMIT).all())

    def _by_arrow(self, wanted: list[str], numbers: Collection[str]) -> dict[str, Any] | None:
        """Return the columns, or None where some row is not as the header says."""
        import pyarrow.csv as arrow_csv

        quoted = bool(len(self._quotes))
        data = pa.py_buffer(self.data).slice(0, self._end)
        for as_numbers in (numbers, ()) if numbers else ((),):
            types = {name: pa.float64() if name in as_numbers else pa.string() for name in wanted}
            try:
                table = arrow_csv.read_csv(
                    pa.BufferReader(data),
                    arrow_csv.ReadOptions(
                        column_names=self.header,
                        block_size=CHUNK,
                        use_threads=len(self.data) > CHUNK,
                    ),
                    arrow_csv.ParseOptions(
                        delimiter=self.layout.delimiter,
                        quote_char='"' if quoted else False,
                        newlines_in_values=quoted and len(self._ends) < len(self._breaks),
                    ),
                    arrow_csv.ConvertOptions(
                        include_columns=wanted, column_types=types, null_values=[]
                    ),
                )
            except pa.ArrowInvalid:
                continue
            if table.num_rows != self._count:
                return None
            return dict(zip(table.column_names, table.columns, strict=True))
        return None

    @property
    def _count(self) -> int:
        """Number of records, if no line is blank."""
        quick = not len(self._quotes)
        count = self.data.count(b"\n") if quick else int((self._ends < self._end).sum())
        return count + (not self.data.endswith(b"\n") and self._end == len(self.data))

    @cached_property
    def _places(self) -> tuple[IntArray, IntArray, IntArray]:
        """Line, beginning and end of each record."""
        ends = self._ends[self._ends < self._end]
        if self._end == len(self.data) and not self.data.endswith(b"\n"):
            ends = np.append(ends, len(self.data))
        begins = np.append(0, ends[:-1] + 1)
        lines = self.first + np.searchsorted(self._breaks, begins)
        return lines, begins, ends

    def _raw(self, row: int) -> str:
        _, begins, ends = self._places
        return self.data[begins[row] : ends[row]].decode()
