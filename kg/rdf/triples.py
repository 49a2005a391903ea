"""The triples of a file that a mapping keeps, as columns of numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from kg.graph import BoolArray
from kg.rdf.batch import RDF, Codes, Kind, TripleBatch
from kg.rdf.columns import Column
from kg.rdf.terms import Terms
from kg.rejects import Tally
from kg.vocab import IntArray

RDF_TYPE = f"{RDF}type"
SUBCLASS = "http://www.w3.org/2000/01/rdf-schema#subClassOf"


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which triples are kept: predicates and graphs by IRI.

    Triples of rdf:type and rdfs:subClassOf are always kept, since they may say what a node is.
    """

    literals: frozenset[str] = frozenset()  # predicates whose literals are kept
    ignore: frozenset[str] = frozenset()
    relations: frozenset[str] | None = None  # the only ones with an IRI or blank node as object
    graphs: frozenset[str] | None = None  # the only ones; "" is the default graph

    def leaves_out(self, predicate: str) -> bool:
        """Return whether the triples of a predicate that are no literals make no edges."""
        return predicate in self.ignore or (
            self.relations is not None and predicate not in self.relations
        )


@dataclass(frozen=True)
class LinkRows:
    """Triples between IRIs and blank nodes; all columns int `[num_links]`."""

    subject: Codes  # numbers of terms
    predicate: Codes  # numbers of predicates
    object: Codes
    line: IntArray  # -1 where unknown


@dataclass(frozen=True)
class LiteralRows:
    """Triples with a literal."""

    subject: Codes
    predicate: Codes
    value: Any  # Arrow strings
    kind: Codes  # index into `kinds`
    kinds: tuple[Kind, ...]
    line: IntArray

    def take(self, rows: BoolArray) -> "LiteralRows":
        """Return the triples at a mask."""
        columns = (self.subject[rows], self.predicate[rows], self.value.filter(pa.array(rows)))
        return LiteralRows(*columns, self.kind[rows], self.kinds, self.line[rows])


class TripleCollector:
    """Keeps the selected triples of one file; `links` and `literals` have them when all are in.

    Args:
        selection: what is kept.
        terms: numbers the terms of all files.
        predicates: numbers of the predicates of all files, by IRI; grows.
        tally: gets the number of rows, those ignored and the malformed ones.
        file_number: what makes the names of blank nodes of different files differ.
    """

    def __init__(
        self,
        selection: Selection,
        terms: Terms,
        predicates: dict[str, int],
        tally: Tally,
        file_number: int,
    ) -> None:
        self.selection = selection
        self.terms = terms
        self.predicates = predicates
        self.tally = tally
        self.file_number = file_number
        self._links = _Columns()  # `extra` is the object
        self._literals = _Columns()  # `extra` is the kind
        self._values: list[Any] = []
        self._kinds: dict[Kind, int] = {}

    def read(self, batches: Iterable[TripleBatch]) -> None:
        """Add all batches of the file."""
        for batch in batches:
            self._add(batch)

    def links(self, numbers: Codes) -> LinkRows:
        """Return the links, given the number of each ticket; to be asked for once."""
        columns = self._links
        return LinkRows(
            columns.subject.replaced(numbers),
            columns.predicate.values(),
            columns.extra.replaced(numbers),
            columns.line.values(),
        )

    def literals(self, numbers: Codes) -> LiteralRows:
        """Return the literals, given the number of each ticket; to be asked for once."""
        columns = self._literals
        return LiteralRows(
            columns.subject.replaced(numbers),
            columns.predicate.values(),
            pa.chunked_array(self._values, pa.string()),
            columns.extra.values(),
            tuple(self._kinds),
            columns.line.values(),
        )

    def _add(self, batch: TripleBatch) -> None:
        tally = self.tally
        tally.rows += len(batch) + len(batch.malformed)
        for bad in batch.malformed:
            tally.reject(bad.line, bad.raw, bad.reason)
        link, literal, predicate = self._select(batch)
        ignored = len(batch) - int(link.sum()) - int(literal.sum())
        tally.ignored += ignored
        tally.loaded += ignored
        used = np.zeros(len(batch.terms), dtype=np.bool_)
        for codes in (batch.subject[link], batch.object[link], batch.subject[literal]):
            used[codes] = True
        names = batch.terms if used.all() else batch.terms.filter(pa.array(used))
        first = self.terms.tickets(names, self.file_number)
        ticket = (np.cumsum(used) + (first - 1)).astype(np.int32)
        self._links.add(batch, link, ticket, predicate, ticket[batch.object[link]])
        if literal.any():
            which = ~batch.object[literal]
            kinds = [self._kinds.setdefault(kind, len(self._kinds)) for kind in batch.kinds]
            kind = np.array(kinds, dtype=np.int32)[batch.kind[which]]
            self._literals.add(batch, literal, ticket, predicate, kind)
            self._values.append(batch.value.take(pa.array(which)))

    def _select(self, batch: TripleBatch) -> tuple[BoolArray, BoolArray, Codes]:
        """Return which triples are links and literals to keep, and the numbers of predicates."""
        size = len(batch.terms)
        linking, saying = np.zeros(size, dtype=np.bool_), np.zeros(size, dtype=np.bool_)
        number = np.full(size, -1, dtype=np.int32)
        for code in np.flatnonzero(np.bincount(batch.predicate, minlength=size)).tolist():
            iri = batch.terms[code].as_py()
            linking[code] = iri in (RDF_TYPE, SUBCLASS) or not self.selection.leaves_out(iri)
            saying[code] = iri in self.selection.literals
            number[code] = self.predicates.setdefault(iri, len(self.predicates))
        is_literal = batch.object < 0
        link = linking[batch.predicate] & ~is_literal
        literal = saying[batch.predicate] & is_literal
        graphs = self.selection.graphs
        if graphs is not None:
            named = np.unique(batch.graph).tolist()
            kept = [g for g in named if ("" if g < 0 else batch.terms[g].as_py()) in graphs]
            inside = np.isin(batch.graph, kept)
            link, literal = link & inside, literal & inside
        return link, literal, number


class _Columns:
    """Columns of triples."""

    def __init__(self) -> None:
        self.subject, self.predicate, self.extra = (Column(np.int32) for _ in range(3))
        self.line = Column(np.int64)

    def add(
        self, batch: TripleBatch, rows: BoolArray, ticket: Codes, predicate: Codes, extra: Codes
    ) -> None:
        self.subject.extend(ticket[batch.subject[rows]])
        self.predicate.extend(predicate[batch.predicate[rows]])
        self.extra.extend(extra)
        self.line.extend(batch.line[rows])
