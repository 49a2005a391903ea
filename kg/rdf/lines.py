"""Lines of N-Triples and N-Quads to triples by scanning bytes, without a Python object for each.

Only lines of the plainest form are read so: terms apart by one blank or tab, ` .` at the end, no
escapes. pyoxigraph reads all others, and it is asked about every distinct IRI and datatype that
is not plain, so that what is accepted is what it accepts.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyoxigraph import RdfFormat

from kg.graph import BoolArray
from kg.rdf.batch import Codes, Kind, TripleBatch, by_line
from kg.rdf.quads import QuadCollector, is_iri, kind_of
from kg.vocab import IntArray

Bytes = npt.NDArray[np.uint8]
TAB, NEWLINE, RETURN, BLANK, QUOTE, HASH, DOT = b'\t\n\r "#.'
OPEN, CLOSE, UNDERSCORE, COLON, BACKSLASH = b"<>_:\\"

# RFC 3987 without user, port and IP literals; the ranges are its ucschar up to U+FFEF
_CHAR = (
    r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2}"
    r"|[\x{A0}-\x{D7FF}\x{F900}-\x{FDCF}\x{FDF0}-\x{FFEF}])"
)
PLAIN = (
    rf"^(?:[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9._~-]+(?:/(?:{_CHAR}|/)*)?"
    rf"(?:\?(?:{_CHAR}|[/?])*)?(?:#(?:{_CHAR}|[/?])*)?"
    r"|_:[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?)$"
)


@dataclass(frozen=True)
class _Lines:
    """Where lines are, and where the white space of each is within `gaps`."""

    buffer: Bytes
    start: IntArray
    end: IntArray  # without line end
    gaps: IntArray  # places of all bytes up to 32
    white: Bytes  # these bytes
    first: IntArray  # index into `gaps` of the first in each line
    last: IntArray  # index behind the last
    odd: BoolArray  # lines with a carriage return inside, or with bytes that are no UTF-8


@dataclass(frozen=True)
class _Fields:
    """Terms of the lines that look plain, as half-open ranges of bytes with brackets and quotes."""

    line: IntArray  # index of the line
    bounds: IntArray  # [num_lines, 6 or 8]: start and end of each term, in order
    literal: BoolArray  # whether the object is one


def parse_lines(data: bytes, *, quads: bool) -> tuple[TripleBatch, int]:
    """Return the triples of whole lines, counted from 1, and the number of lines.

    Args:
        data: the lines; the last may lack its line end.
        quads: whether it is N-Quads.
    """
    if not data.endswith(b"\n"):
        data += b"\n"
    lines = _find_lines(data)
    batch = _plain(data, lines, _find_fields(lines, quads))
    rest = _held(lines)
    rest[batch.line] = False
    slow = np.flatnonzero(rest)
    batch = replace(batch, line=batch.line + 1)
    if len(slow):
        collector = QuadCollector()
        bounds = zip(lines.start[slow].tolist(), lines.end[slow].tolist(), strict=True)
        kind = RdfFormat.N_QUADS if quads else RdfFormat.N_TRIPLES
        collector.add_lines([data[a:b] for a, b in bounds], (slow + 1).tolist(), kind)
        batch = by_line(batch, collector.batch())
    return batch, len(lines.start)


def _find_lines(data: bytes) -> _Lines:
    buffer = np.frombuffer(data, np.uint8)
    gaps = np.flatnonzero(buffer <= BLANK)
    white = buffer[gaps]
    last = np.flatnonzero(white == NEWLINE)
    end = gaps[last]
    start = np.concatenate([[0], end[:-1] + 1])
    first = np.concatenate([[0], last[:-1] + 1])
    odd = np.zeros(len(start), dtype=np.bool_)
    returns = gaps[white == RETURN]
    if len(returns):
        alone = returns[buffer[returns + 1] != NEWLINE]
        odd[np.searchsorted(start, alone, "right") - 1] = True
        ending = (buffer[end - 1] == RETURN) & (end > start)
        end, last = end - ending, last - ending
    lines = _Lines(buffer, start, end, gaps, white, first, last, odd)
    if not _is_utf8(data):
        high = np.searchsorted(start, np.flatnonzero(buffer > 127), "right") - 1
        for i in np.unique(high).tolist():
            odd[i] |= not _is_utf8(data[start[i] : end[i]])
    return lines


def _is_utf8(data: bytes) -> bool:
    try:
        _strings(np.array([0, len(data)]), data).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _held(lines: _Lines) -> BoolArray:
    """Return which lines are neither blank nor a comment."""
    buffer, start = lines.buffer, lines.start
    held: BoolArray = lines.end > start
    head = buffer[start]
    held &= head != HASH
    for i in np.flatnonzero(held & (head <= BLANK)).tolist():
        text = buffer[start[i] : lines.end[i]].tobytes().strip(b" \t\r")
        held[i] = bool(text) and not text.startswith(b"#")
    # a carriage return ends a line for the parser, so that more may follow a comment
    broken = np.flatnonzero(lines.odd & ~held).tolist()
    held[[i for i in broken if RETURN in buffer[start[i] : lines.end[i]]]] = True
    return held


def _find_fields(lines: _Lines, quads: bool) -> _Fields:
    buffer, gaps = lines.buffer, lines.gaps
    row = np.flatnonzero((lines.last - lines.first >= 3) & ~lines.odd)
    start, end, first, last = _at(row, lines.start, lines.end, lines.first, lines.last)
    one, two, final = gaps[first], gaps[first + 1], gaps[last - 1]
    plain = (final + 2 == end) & (buffer[end - 1] == DOT)
    for place in (first, first + 1, last - 1):
        plain &= _apart(lines.white[place])
    plain &= (two > one + 1) & (final > two + 1)
    row, start, first, last, one, two, final = _at(
        np.flatnonzero(plain), row, start, first, last, one, two, final
    )
    object_end = final
    named = []
    if quads:
        before = gaps[last - 2]
        has = (last - first > 3) & _is_resource(buffer, before + 1, final)
        has &= _apart(buffer[before])
        object_end = np.where(has, before, final)
        named = [np.where(has, before + 1, final), final]
    literal = buffer[two + 1] == QUOTE
    good = _is_resource(buffer, start, one) & _is_iri(buffer, one + 1, two)
    good &= literal | _is_resource(buffer, two + 1, object_end)
    bounds = np.stack([start, one, one + 1, two, two + 1, object_end, *named], axis=1)
    return _Fields(*_at(np.flatnonzero(good), row, bounds, literal))


def _at(rows: IntArray, *columns: Any) -> list[Any]:
    """Return some rows of columns; without a copy where it is all of them."""
    return [column if len(rows) == len(column) else column[rows] for column in columns]


def _apart(white: Bytes) -> BoolArray:
    """Return which bytes may stand between terms."""
    apart: BoolArray = (white == BLANK) | (white == TAB)
    return apart


def _is_iri(buffer: Bytes, start: IntArray, end: IntArray) -> BoolArray:
    found: BoolArray = (end > start + 2) & (buffer[start] == OPEN) & (buffer[end - 1] == CLOSE)
    found &= buffer[start + 1] != UNDERSCORE  # without brackets it would be a blank node
    return found


def _is_resource(buffer: Bytes, start: IntArray, end: IntArray) -> BoolArray:
    found = _is_iri(buffer, start, end)
    if not found.all():
        blank = (end > start + 2) & (buffer[start] == UNDERSCORE) & (buffer[start + 1] == COLON)
        found |= blank
    return found


def _plain(data: bytes, lines: _Lines, fields: _Fields) -> TripleBatch:
    """Return the triples of the lines that are plain indeed, `line` being indices of lines."""
    value, kind, kinds, said = _literals(data, lines.buffer, fields.bounds[fields.literal, 4:6])
    good = np.ones(len(fields.line), dtype=np.bool_)
    good[fields.literal] = said
    line, bounds, literal = _at(np.flatnonzero(good), fields.line, fields.bounds, fields.literal)
    starts, ends = bounds[:, 0::2], bounds[:, 1::2]
    bracketed = lines.buffer[starts] == OPEN
    bounds = np.stack([starts + bracketed, ends - bracketed], axis=2)
    wanted = ends > starts
    wanted[:, 2] &= ~literal
    at = np.flatnonzero(wanted)
    encoded = _strings(bounds.ravel(), data).take(pa.array(2 * at)).dictionary_encode()
    terms = encoded.dictionary
    codes = np.full(wanted.shape, -1, dtype=np.int32)
    codes.ravel()[at] = encoded.indices.to_numpy()
    good_term = pc.match_substring_regex(terms, PLAIN).to_numpy(zero_copy_only=False)
    unsure = np.flatnonzero(~good_term)
    good_term[unsure] = [is_iri(text) for text in terms.take(pa.array(unsure)).to_pylist()]
    plain = None if good_term.all() else (good_term[codes] | ~wanted).all(axis=1)
    codes[literal, 2] = ~np.arange(literal.sum(), dtype=np.int32)
    batch = TripleBatch(
        terms=terms,
        subject=codes[:, 0],
        predicate=codes[:, 1],
        object=codes[:, 2],
        graph=codes[:, 3] if wanted.shape[-1] > 3 else np.full(len(codes), -1, np.int32),
        line=line,
        value=value,
        kind=kind,
        kinds=kinds,
    )
    return batch if plain is None else batch.take(plain)


def _literals(
    data: bytes, buffer: Bytes, bounds: IntArray
) -> tuple[pa.StringArray, Codes, tuple[Kind, ...], BoolArray]:
    """Return values and kinds of the literals within bounds, and which of those are plain."""
    start, end = bounds[:, 0], bounds[:, 1]
    quotes = np.flatnonzero(buffer == QUOTE)
    escapes = np.flatnonzero(buffer == BACKSLASH) if b"\\" in data else np.empty(0, np.int64)
    opening = np.searchsorted(quotes, start)
    plain = np.searchsorted(quotes, end) - opening == 2
    plain &= np.searchsorted(escapes, start) == np.searchsorted(escapes, end)
    start, end, closing = start[plain], end[plain], quotes[opening[plain] + 1]
    parts = _strings(np.stack([start + 1, closing, closing + 1, end], axis=1).ravel(), data)
    suffix = parts.take(pa.array(np.arange(2, 4 * len(start), 4))).dictionary_encode()
    found = [_kind_of(text) for text in suffix.dictionary.to_pylist()]
    kinds = {kind: i for i, kind in enumerate(dict.fromkeys(k for k in found if k is not None))}
    number = np.array([-1 if kind is None else kinds[kind] for kind in found], dtype=np.int32)
    kind = number[suffix.indices.to_numpy()]
    plain[plain] = kind >= 0
    value = parts.take(pa.array(4 * np.flatnonzero(kind >= 0)))
    return value, kind[kind >= 0], tuple(kinds), plain


_kind_of = lru_cache(maxsize=10_000)(kind_of)


def _strings(bounds: IntArray, data: bytes) -> pa.StringArray:
    """Return the pieces of `data` between neighbouring bounds."""
    offsets = pa.py_buffer(bounds.astype(np.int32))
    return pa.StringArray.from_buffers(max(len(bounds) - 1, 0), offsets, pa.py_buffer(data))
