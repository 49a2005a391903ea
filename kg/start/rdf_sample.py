"""A sample of RDF: its predicates, classes and IRIs."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, parse

from kg.errors import InputError
from kg.rdf.guards import guarded
from kg.rdf.names import local_name
from kg.rdf.prefixes import DEFAULT_PREFIXES
from kg.rdf.stream import LINE_BASED, PARSERS
from kg.start.blocks import read_blocks
from kg.start.files import SeenFile
from kg.streams import open_bytes

RDF_TYPE = DEFAULT_PREFIXES["rdf"] + "type"
MOST_TRIPLES = 100_000  # of formats that have no lines to begin at
MOST_VALUES = 2_000  # literals of a predicate
_WATCHED = (b"22-rdf-syntax-ns#type>", b"rdf-schema#label>", b"/name>", b"core#prefLabel>")


@dataclass
class Predicate:
    """What was seen of a predicate.

    Attributes:
        edges: triples whose object is a node.
        literals: triples whose object is a literal.
        values: some of the literals.
        languages: how often each language tag was seen.
        subjects: subjects of literals.
    """

    edges: int = 0
    literals: int = 0
    values: list[str] = field(default_factory=list)
    languages: Counter[str] = field(default_factory=Counter)
    subjects: set[str] = field(default_factory=set)


@dataclass
class RdfSample:
    """A sample of all RDF files together.

    Attributes:
        files: those that can be read.
        problems: file and reason of the others.
        num_triples: about how many triples the files have.
        complete: whether all of them were seen.
        predicates: by IRI.
        class_of: classes of each subject that says its rdf:type.
        iris: nodes, by namespace: what follows the last `#` or `/`.
        prefixes: those that the files declare.
    """

    files: list[SeenFile] = field(default_factory=list)
    problems: list[tuple[SeenFile, str]] = field(default_factory=list)
    num_triples: int = 0
    complete: bool = True
    predicates: dict[str, Predicate] = field(default_factory=dict)
    class_of: dict[str, set[str]] = field(default_factory=dict)
    iris: dict[str, set[str]] = field(default_factory=dict)
    prefixes: dict[str, str] = field(default_factory=dict)

    def classes(self) -> Counter[str]:
        """Return how many subjects each class has."""
        return Counter(name for classes in self.class_of.values() for name in classes)

    def add(self, file: SeenFile) -> None:
        """Look at one more file.

        Raises:
            InputError: it cannot be read.
        """
        try:
            if file.format in LINE_BASED:
                self._add_lines(file)
            else:
                self._add_beginning(file)
        except (SyntaxError, InputError, MemoryError) as error:  # the last: a huge term
            self.problems.append((file, " ".join(str(error).split())))
        else:
            self.files.append(file)

    def _add_lines(self, file: SeenFile) -> None:
        blocks = read_blocks(file.path, watch=_WATCHED)
        kind = PARSERS[str(file.format)]
        seen = 0
        for part in blocks.parts:
            seen += self._count(_lines(part, kind))
        self.num_triples += round(seen / blocks.share)
        self.complete &= blocks.complete
        for quad in _lines(b"".join(blocks.watched), kind):
            self._note(quad)
            if quad.predicate.value != RDF_TYPE:
                self._literal(quad)

    def _add_beginning(self, file: SeenFile) -> None:
        base = "http://localhost/"  # a relative IRI is no reason to see nothing
        with open_bytes(file.path) as stream:
            text = guarded(stream, str(file.format), file.path)
            quads = parse(text, PARSERS[str(file.format)], base_iri=base)
            seen = self._count(islice(quads, MOST_TRIPLES))
            self.prefixes.update({k: v for k, v in quads.prefixes.items() if k})
            self.complete &= next(quads, None) is None
        self.num_triples += seen

    def _count(self, quads: Iterable[Quad]) -> int:
        number = 0
        for number, quad in enumerate(quads, start=1):  # noqa: B007 - the count is wanted
            self._note(quad)
            predicate = self.predicates.setdefault(quad.predicate.value, Predicate())
            if type(quad.object) is Literal:
                predicate.literals += 1
                self._literal(quad)
            else:
                predicate.edges += 1
        return number

    def _note(self, quad: Quad) -> None:
        if type(quad.subject) is NamedNode:
            self._iri(quad.subject.value)
        if type(quad.object) is NamedNode:
            if quad.predicate.value != RDF_TYPE:
                self._iri(quad.object.value)
            elif type(quad.subject) is NamedNode:
                self.class_of.setdefault(quad.subject.value, set()).add(quad.object.value)

    def _iri(self, iri: str) -> None:
        local = local_name(iri)
        self.iris.setdefault(iri[: len(iri) - len(local)], set()).add(local)

    def _literal(self, quad: Quad) -> None:
        literal = quad.object
        if type(literal) is not Literal:
            return
        predicate = self.predicates.setdefault(quad.predicate.value, Predicate())
        predicate.languages[(literal.language or "").lower()] += 1
        if len(predicate.values) < MOST_VALUES and type(quad.subject) is NamedNode:
            predicate.values.append(literal.value)
            predicate.subjects.add(quad.subject.value)


def _lines(data: bytes, kind: RdfFormat) -> Iterator[Quad]:
    try:
        yield from list(parse(data, kind))
    except (SyntaxError, ValueError, MemoryError):  # a sample may do without the bad lines
        for line in data.split(b"\n"):
            try:
                yield from list(parse(line, kind))
            except (SyntaxError, ValueError, MemoryError):
                continue
