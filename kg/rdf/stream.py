"""Any RDF file as a stream of batches of triples; line-based formats on all cores."""

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from typing import IO, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyoxigraph import RdfFormat, parse, serialize

from kg.errors import InputError
from kg.rdf import rdflib_quads
from kg.rdf.batch import Malformed, TripleBatch
from kg.rdf.guards import guarded
from kg.rdf.lines import parse_lines
from kg.rdf.quads import QuadCollector, reason_of
from kg.sources import SourceFile
from kg.streams import COMPRESSIONS, open_bytes, plain_suffix

FORMATS = {
    ".nt": "ntriples",
    ".nq": "nquads",
    ".ttl": "turtle",
    ".trig": "trig",
    ".n3": "n3",
    ".rdf": "rdfxml",
    ".owl": "rdfxml",
    ".xml": "rdfxml",
    ".jsonld": "jsonld",
    ".trix": "trix",
    ".hext": "hextuples",
}
PARSERS = {
    "ntriples": RdfFormat.N_TRIPLES,
    "nquads": RdfFormat.N_QUADS,
    "turtle": RdfFormat.TURTLE,
    "trig": RdfFormat.TRIG,
    "n3": RdfFormat.N3,
    "rdfxml": RdfFormat.RDF_XML,
    "jsonld": RdfFormat.JSON_LD,
}
KNOWN = (*PARSERS, *rdflib_quads.FORMATS)
LINE_BASED = ("ntriples", "nquads")
CHUNK = 1 << 21  # bytes of a line-based format that are parsed at once
LONGEST = 1 << 26  # bytes of a line
RAW = 1000  # bytes that are kept of a line beyond that
BATCH = 50_000  # triples of the other formats
BOM = b"\xef\xbb\xbf"
_Parse = Callable[[], tuple[TripleBatch, int]]


def read_triples(
    source: SourceFile, *, format: str | None = None, base: str | None = None
) -> Iterator[TripleBatch]:
    """Yield the triples of a file, in its order, in batches that number their own terms.

    Memory does not grow with the file, but for the blank nodes of formats without lines. Labels of
    blank nodes are the same whenever the same file is read; they say nothing beyond the file.

    A malformed line of N-Triples or N-Quads is in `malformed` of its batch, and reading goes on.
    The other formats have no lines to go on from.

    Args:
        source: the file, perhaps compressed; the path `-` is standard input, which cannot be read
            twice.
        format: one of `KNOWN`; by default from the file name.
        base: what relative IRIs are relative to.

    Raises:
        InputError: unknown format, damaged file, or a syntax error; names file and line.
    """
    kind = format_of(source, format)
    with _open(source) as stream:
        text = _without_bom(stream)
        if kind in LINE_BASED:
            yield from _by_line(text, quads=kind == "nquads")
        else:
            yield from _whole(guarded(text, kind, source.path), kind, base, source)


def format_of(source: SourceFile, format: str | None = None) -> str:
    """Return the format of a file: `format`, or what its name says.

    Raises:
        InputError: neither says any that is known.
    """
    kind = format or FORMATS.get(plain_suffix(source.path))
    if kind not in KNOWN:
        raise InputError(
            f"{source.path} has no known RDF format (known: {', '.join(FORMATS)}, each also with "
            f"{', '.join(COMPRESSIONS)}); set format to one of {', '.join(KNOWN)}"
        )
    return kind


def _open(source: SourceFile) -> AbstractContextManager[IO[bytes]]:
    return nullcontext(sys.stdin.buffer) if str(source.path) == "-" else open_bytes(source.path)


class _Ahead:
    """A stream whose first bytes have been read already."""

    def __init__(self, start: bytes, stream: IO[bytes]) -> None:
        self._start = start
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        start, self._start = self._start, b""
        if len(start) > size >= 0:
            self._start = start[size:]
            return start[:size]
        return start or self._stream.read(size)


def _without_bom(stream: IO[bytes]) -> IO[bytes]:
    start = stream.read(len(BOM))
    return cast(IO[bytes], _Ahead(b"" if start == BOM else start, stream))


def _by_line(stream: IO[bytes], *, quads: bool) -> Iterator[TripleBatch]:
    before = 0  # lines of earlier chunks
    for batch, count in _parsed(_chunks(stream, quads)):
        malformed = (bad._replace(line=before + (bad.line or 0)) for bad in batch.malformed)
        yield replace(batch, line=batch.line + before, malformed=tuple(malformed))
        before += count


def _parsed(chunks: Iterator[_Parse]) -> Iterator[tuple[TripleBatch, int]]:
    """Run what parses the chunks on all cores, and yield what it gives in order."""
    start = list(islice(chunks, 2))
    if len(start) < 2:  # not worth a thread
        yield from (parse_chunk() for parse_chunk in start)
        return
    cores = os.cpu_count() or 1
    pending: deque[Future[tuple[TripleBatch, int]]] = deque()
    # Arrow and NumPy let go of the interpreter lock, so that threads are enough
    with ThreadPoolExecutor(cores) as pool:
        try:
            for parse_chunk in chain(start, chunks):
                pending.append(pool.submit(parse_chunk))
                if len(pending) > cores:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def _chunks(stream: IO[bytes], quads: bool) -> Iterator[_Parse]:
    """Yield what parses the next lines, for each chunk of them."""
    rest: list[bytes] = []  # the beginning of a line
    too_long: bytes | None = None  # the beginning of a line that is not to be kept
    while block := stream.read(CHUNK):
        if too_long is not None:
            _, newline, block = block.partition(b"\n")
            if not newline:
                continue
            yield partial(_too_long, too_long)
            too_long = None
        stop = block.rfind(b"\n") + 1
        if stop:
            yield partial(_parse, [*rest, memoryview(block)[:stop]], quads)
            rest = []
        rest.append(block[stop:])
        if sum(map(len, rest)) > LONGEST:
            too_long = b"".join(rest)[:RAW]
            rest = []
    if too_long is not None:
        yield partial(_too_long, too_long)
    elif any(rest):
        yield partial(_parse, rest, quads)


def _parse(parts: Sequence[bytes | memoryview], quads: bool) -> tuple[TripleBatch, int]:
    return parse_lines(b"".join(parts), quads=quads)


def _too_long(start: bytes) -> tuple[TripleBatch, int]:
    raw = start.decode("utf-8", "surrogateescape")
    reason = f"malformed RDF: longer than {LONGEST:,} bytes"
    return replace(QuadCollector().batch(), malformed=(Malformed(1, raw, reason),)), 1


def _whole(
    stream: IO[bytes], kind: str, base: str | None, source: SourceFile
) -> Iterator[TripleBatch]:
    labels: dict[str, str] = {}
    try:
        for data in _as_nquads(stream, kind, base, source):
            batch, _ = parse_lines(data, quads=True)
            yield replace(
                batch,
                terms=_relabelled(batch.terms, labels),
                line=np.full(len(batch), -1, dtype=np.int64),
                malformed=tuple(bad._replace(line=None) for bad in batch.malformed),
            )
    except SyntaxError as error:
        where = f", line {error.lineno}" if error.lineno else ""
        raise InputError(f"{source.path}{where}: {reason_of(error)}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{source.path}: {error}") from None
    except MemoryError as error:  # what the parser raises at a term of over 16 MiB
        raise InputError(f"{source.path} has a term that is too long: {error}") from None


def _as_nquads(
    stream: IO[bytes], kind: str, base: str | None, source: SourceFile
) -> Iterator[bytes]:
    if kind in rdflib_quads.FORMATS:
        lines = rdflib_quads.nquads(stream, kind, source.path)
        yield from iter(lambda: b"".join(islice(lines, BATCH)), b"")
        return
    quads = parse(stream, PARSERS[kind], base_iri=base)
    # back to text and through the scanner takes half as long as a Python object for each term
    while data := serialize(islice(quads, BATCH), format=RdfFormat.N_QUADS):
        yield data


def _relabelled(terms: pa.StringArray, labels: dict[str, str]) -> pa.StringArray:
    """Number blank nodes: parsers make up a label for those without one, and another each time."""
    blank = pc.starts_with(terms, "_:")
    found = terms.filter(blank).to_pylist()
    if not found:
        return terms
    new = [labels.setdefault(label, f"_:{len(labels) + 1}") for label in found]
    return pc.replace_with_mask(terms, blank, pa.array(new, pa.string()))
