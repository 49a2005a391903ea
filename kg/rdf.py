"""RDF files to triples of numbered terms; every conversion of an RDF term is in this file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO

import numpy as np
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, parse

from kg.errors import InputError
from kg.mapping import SourceFile
from kg.rejects import Tally
from kg.streams import COMPRESSIONS, open_bytes, plain_suffix
from kg.vocab import IntArray

RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
FORMATS = {
    ".nt": "ntriples",
    ".nq": "nquads",
    ".ttl": "turtle",
    ".trig": "trig",
    ".rdf": "rdfxml",
    ".owl": "rdfxml",
    ".xml": "rdfxml",
    ".jsonld": "jsonld",
}
PARSERS = {
    "ntriples": RdfFormat.N_TRIPLES,
    "nquads": RdfFormat.N_QUADS,
    "turtle": RdfFormat.TURTLE,
    "trig": RdfFormat.TRIG,
    "rdfxml": RdfFormat.RDF_XML,
    "jsonld": RdfFormat.JSON_LD,
}
LINE_BASED = ("ntriples", "nquads")
CHUNK = 1 << 22  # bytes of a line-based format that are parsed at once


class Terms:
    """IRIs and blank nodes of all files, numbered in order of first sight.

    A blank node is named `_:b3.7`: the seventh of the third file. Labels are not kept, since
    parsers make them up anew each time for nodes that the file leaves unnamed.
    """

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._codes)

    def code(self, name: str) -> int:
        """Return the number of an IRI or blank node name."""
        return self._codes.setdefault(name, len(self._codes))

    def names(self) -> list[str]:
        """Return all names by number."""
        return list(self._codes)


@dataclass
class LiteralFacts:
    """Triples with a literal, in file order."""

    subject: list[int] = field(default_factory=list)
    predicate: list[int] = field(default_factory=list)
    value: list[str] = field(default_factory=list)
    language: list[str] = field(default_factory=list)  # lower case, "" for none
    line: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Triples:
    """The triples of one file as term numbers; `line` is -1 where the parser cannot say."""

    subject: IntArray
    predicate: IntArray
    object: IntArray
    line: IntArray
    literals: LiteralFacts


def read_rdf(
    source: SourceFile,
    terms: Terms,
    tally: Tally,
    *,
    file_number: int,
    literals: frozenset[str],
    format: str | None = None,
    base: str | None = None,
) -> Triples:
    """Read the triples of a file; graph names are dropped.

    A malformed line of N-Triples or N-Quads is rejected and reading goes on. The other formats
    have no lines to go on from.

    Args:
        source: the file.
        terms: numbers the terms; shared by all files, so that an IRI is the same node in each.
        tally: gets the number of triples and the rejects.
        file_number: makes the names of blank nodes of different files differ.
        literals: predicates whose literals are kept; other literals are counted as ignored.
        format: one of `PARSERS`; by default from the file name.
        base: what relative IRIs are relative to.

    Raises:
        InputError: unknown format, damaged file, or a syntax error; names file and line.
    """
    kind = format or FORMATS.get(plain_suffix(source.path))
    if kind is None:
        raise InputError(
            f"{source.path} has no known RDF format (known: {', '.join(FORMATS)}, each also with "
            f"{', '.join(COMPRESSIONS)}); set format to one of {', '.join(PARSERS)}"
        )
    with open_bytes(source.path) as stream:
        if kind in LINE_BASED:
            quads = _by_chunk(stream, PARSERS[kind], tally)
        else:
            quads = _whole(stream, PARSERS[kind], base, source)
        return _collect(quads, terms, tally, f"_:b{file_number}.", literals)


def _collect(
    quads: Iterable[tuple[Quad, int]],
    terms: Terms,
    tally: Tally,
    blank_prefix: str,
    wanted: frozenset[str],
) -> Triples:
    subjects, predicates, objects, lines = [], [], [], []
    facts = LiteralFacts()
    blanks: dict[str, str] = {}
    code = terms.code
    rows = ignored = 0
    for quad, line in quads:
        rows += 1
        subject, predicate, target = quad.subject, quad.predicate, quad.object
        if type(subject) is NamedNode:
            head = subject.value
        elif type(subject) is BlankNode:
            head = blanks.setdefault(subject.value, f"{blank_prefix}{len(blanks) + 1}")
        else:
            tally.reject(line if line > 0 else None, str(quad), "a triple as subject")
            continue
        if type(target) is NamedNode:
            tail = target.value
        elif type(target) is BlankNode:
            tail = blanks.setdefault(target.value, f"{blank_prefix}{len(blanks) + 1}")
        elif type(target) is Literal:
            if predicate.value not in wanted:
                ignored += 1
                continue
            facts.subject.append(code(head))
            facts.predicate.append(code(predicate.value))
            facts.value.append(target.value)
            facts.language.append((target.language or "").lower())
            facts.line.append(line)
            continue
        else:
            tally.reject(line if line > 0 else None, str(quad), "a triple as object")
            continue
        subjects.append(code(head))
        predicates.append(code(predicate.value))
        objects.append(code(tail))
        lines.append(line)
    tally.rows += rows
    tally.loaded += ignored
    tally.ignored += ignored
    arrays = (np.array(column, np.int64) for column in (subjects, predicates, objects, lines))
    return Triples(*arrays, literals=facts)


def _whole(
    stream: IO[bytes], kind: RdfFormat, base: str | None, source: SourceFile
) -> Iterator[tuple[Quad, int]]:
    try:
        for quad in parse(stream, kind, base_iri=base):
            yield quad, -1
    except SyntaxError as error:
        where = f", line {error.lineno}" if error.lineno else ""
        raise InputError(f"{source.path}{where}: {error.msg}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{source.path}: {error}") from None


def _by_chunk(stream: IO[bytes], kind: RdfFormat, tally: Tally) -> Iterator[tuple[Quad, int]]:
    first = 1
    rest = b""
    while block := stream.read(CHUNK):
        whole, newline, rest = (rest + block).rpartition(b"\n")
        if newline:
            yield from _chunk(whole, first, kind, tally)
            first += whole.count(b"\n") + 1
    if rest:
        yield from _chunk(rest, first, kind, tally)


def _chunk(data: bytes, first: int, kind: RdfFormat, tally: Tally) -> Iterator[tuple[Quad, int]]:
    lines = data.split(b"\n")
    # a comment or blank line holds no triple; if the counts agree, each other line holds one
    numbers = [first + i for i, line in enumerate(lines) if line.strip() and line.lstrip()[:1] != b"#"]
    try:
        quads = list(parse(data, kind))
    except (SyntaxError, ValueError):
        quads = []
    if len(quads) == len(numbers):
        yield from zip(quads, numbers, strict=True)
        return
    for number in numbers:
        line = lines[number - first]
        try:
            yield from [(quad, number) for quad in parse(line, kind)]
        except (SyntaxError, ValueError) as error:
            tally.rows += 1
            raw = line.decode("utf-8", "backslashreplace").rstrip("\r")
            tally.reject(number, raw, f"malformed RDF: {_reason(error)}")


def _reason(error: Exception) -> str:
    # "Parser error at line 1 column 34: Line jumps are ..." counts lines of the line alone
    text = str(getattr(error, "msg", error))
    return text.split(": ", 1)[-1] if text.startswith("Parser error") else text
