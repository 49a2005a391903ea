"""RDF files to triples of numbered terms; every conversion of an RDF term is in this file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import IO

import numpy as np
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, parse

from kg.errors import InputError
from kg.rejects import Tally
from kg.sources import SourceFile
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
Batch = tuple[list[Quad], list[int]]  # triples, and the line of each; -1 for unknown
BATCH = 10_000  # triples
CHUNK = 1 << 22  # bytes of a line-based format that are parsed at once


class Terms:
    """IRIs and blank nodes of all files, numbered in order of first sight.

    A blank node is named `_:b3.7`: the seventh of the third file. Labels are not kept, since
    parsers make them up anew each time for nodes that the file leaves unnamed.
    """

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.codes)

    def code(self, name: str) -> int:
        """Return the number of an IRI or blank node name."""
        return self.codes.setdefault(name, len(self.codes))

    def names(self) -> list[str]:
        """Return all names by number."""
        return list(self.codes)


@dataclass
class LiteralFacts:
    """Triples with a literal, in file order."""

    subject: list[int] = field(default_factory=list)
    predicate: list[int] = field(default_factory=list)
    value: list[str] = field(default_factory=list)
    language: list[str] = field(default_factory=list)  # lower case, "" for none
    line: list[int] = field(default_factory=list)

    def add(self, subject: int, predicate: int, literal: Literal, line: int) -> None:
        """Append one triple."""
        self.subject.append(subject)
        self.predicate.append(predicate)
        self.value.append(literal.value)
        self.language.append((literal.language or "").lower())
        self.line.append(line)


@dataclass(frozen=True)
class Triples:
    """The triples of one file as term numbers; `line` is -1 where the parser cannot say."""

    literals: LiteralFacts
    subject: IntArray
    predicate: IntArray
    object: IntArray
    line: IntArray


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
    batches: Iterable[Batch],
    terms: Terms,
    tally: Tally,
    blank_prefix: str,
    wanted: frozenset[str],
) -> Triples:
    columns: tuple[list[int], ...] = ([], [], [], [])
    facts = LiteralFacts()
    blanks: dict[str, str] = {}
    codes = terms.codes
    rows = ignored = 0

    def name_of(term: object) -> str | None:
        if type(term) is BlankNode:
            return blanks.setdefault(term.value, f"{blank_prefix}{len(blanks) + 1}")
        return term.value if type(term) is NamedNode else None

    for quads, lines in batches:
        rows += len(quads)
        for quad, line in zip(quads, lines, strict=True):  # the hot loop: one turn per triple
            subject, predicate, target, _ = quad
            relation = predicate.value
            head = subject.value if type(subject) is NamedNode else name_of(subject)
            if type(target) is Literal and head is not None:
                if relation in wanted:
                    facts.add(terms.code(head), terms.code(relation), target, line)
                else:
                    ignored += 1
                continue
            tail = target.value if type(target) is NamedNode else name_of(target)
            if head is None or tail is None:
                tally.reject(line if line > 0 else None, str(quad), "a triple as a term")
                continue
            columns[0].append(codes.setdefault(head, len(codes)))
            columns[1].append(codes.setdefault(relation, len(codes)))
            columns[2].append(codes.setdefault(tail, len(codes)))
            columns[3].append(line)
    tally.rows += rows
    tally.loaded += ignored
    tally.ignored += ignored
    return Triples(facts, *(np.array(column, np.int64) for column in columns))


def _whole(
    stream: IO[bytes], kind: RdfFormat, base: str | None, source: SourceFile
) -> Iterator[Batch]:
    try:
        quads = parse(stream, kind, base_iri=base)
        while batch := list(islice(quads, BATCH)):
            yield batch, [-1] * len(batch)
    except SyntaxError as error:
        where = f", line {error.lineno}" if error.lineno else ""
        raise InputError(f"{source.path}{where}: {_reason(error)}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{source.path}: {error}") from None


def _by_chunk(stream: IO[bytes], kind: RdfFormat, tally: Tally) -> Iterator[Batch]:
    first = 1
    rest = b""
    while block := stream.read(CHUNK):
        whole, newline, rest = (rest + block).rpartition(b"\n")
        if newline:
            yield _chunk(whole, first, kind, tally)
            first += whole.count(b"\n") + 1
    if rest:
        yield _chunk(rest, first, kind, tally)


def _chunk(data: bytes, first: int, kind: RdfFormat, tally: Tally) -> Batch:
    lines = data.split(b"\n")
    # a comment or blank line holds no triple; if the counts agree, each other line holds one
    held = [i for i, line in enumerate(lines) if line.lstrip()[:1] not in (b"", b"#")]
    try:
        quads = list(parse(data, kind))
    except (SyntaxError, ValueError):
        quads = []
    if len(quads) == len(held):
        return quads, [first + i for i in held]
    quads, numbers = [], []
    for i in held:
        try:
            found = list(parse(lines[i], kind))
        except (SyntaxError, ValueError) as error:
            tally.rows += 1
            raw = lines[i].decode("utf-8", "backslashreplace").rstrip("\r")
            tally.reject(first + i, raw, f"malformed RDF: {_reason(error)}")
        else:
            quads += found
            numbers += [first + i] * len(found)
    return quads, numbers


def _reason(error: Exception) -> str:
    # "Parser error at line 1 column 34: Line jumps are ...": the caller knows the line better
    text = str(getattr(error, "msg", error))
    return text.split(": ", 1)[-1] if text.startswith("Parser error") else text
