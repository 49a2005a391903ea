"""What RDF says of nodes: titles, texts, attributes and domains."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.mapping import GraphMapping, LiteralType
from kg.nodes import NodeSet, attribute_fact
from kg.rdf.datatypes import literal_type
from kg.rdf.literals import said
from kg.rdf.names import Compactor, readable_names, short_names
from kg.rdf.parts import Part
from kg.rdf.placing import Placement
from kg.rdf.prefixes import expand
from kg.tables.values import mask_of
from kg.vocab import IntArray


@dataclass(frozen=True, kw_only=True)
class FactWriter:
    """Fills what nodes lack from the RDF of a mapping.

    Attributes:
        mapping: what the predicates mean.
        prefixes: what prefixed names mean.
        predicates: numbers of predicates, by IRI.
        compact: makes short names of IRIs.
    """

    mapping: GraphMapping
    prefixes: Mapping[str, str]
    predicates: Mapping[str, int]
    compact: Compactor

    def types(self, parts: Sequence[Part]) -> dict[int, LiteralType]:
        """Return the types of the attributes, declared or from the datatypes, by predicate."""
        found: dict[int, LiteralType] = {}
        for section in self.mapping.rdf:
            for name in section.attributes:
                number = self._number(name)
                declared = (
                    section.attributes[name] if isinstance(section.attributes, dict) else None
                )
                kind = declared or literal_type([part.literals for part in parts], number)
                if kind is not None:
                    found.setdefault(number, kind)
        return found

    def add(
        self,
        parts: Sequence[Part],
        types: Mapping[int, LiteralType],
        placement: Placement,
        sets: Mapping[str, NodeSet],
    ) -> None:
        """Fill titles, texts and attributes, section by section."""
        named = [name for rdf in self.mapping.rdf for name in rdf.attributes]
        attributes = short_names([expand(name, self.prefixes) for name in named], self.compact)
        for i, section in enumerate(self.mapping.rdf):
            literals = said([p.literals for p in parts if p.section == i], section.language)
            for name in section.title:
                _fill(sets, placement, "title", *literals.first(self._number(name)))
            texts = literals.joined([self._number(name) for name in section.text])
            _fill(sets, placement, "text", *texts)
            for name in section.attributes:
                fact = attribute_fact(attributes[expand(name, self.prefixes)])
                number = self._number(name)
                for nodes in _fill(sets, placement, fact, *literals.first(number)):
                    if types.get(number) in ("date", "text"):
                        nodes.texts.add(fact)

    def add_domains(
        self, parts: Sequence[Part], placement: Placement, sets: Mapping[str, NodeSet]
    ) -> None:
        """Put nodes that are in no domain into that of the file that mentions them."""
        placed = {name: sets[name].placed() for name in placement.types if name in sets}
        for part in parts:
            domain = self.mapping.rdf[part.section].domain
            if domain is not None:
                terms = np.flatnonzero(part.mentioned(len(placement.row)))
                for node_type, rows, _ in placement.by_type(terms):
                    sets[node_type].put_in_domain(rows[~placed[node_type][rows]], domain)

    def add_names(
        self, parts: Sequence[Part], names: Any, placement: Placement, sets: Mapping[str, NodeSet]
    ) -> None:
        """Make titles and texts of IRIs, where a section says so and nothing else gives them."""
        for part in parts:
            if not self.mapping.rdf[part.section].name_from_iri:
                continue
            terms = np.flatnonzero(part.mentioned(len(placement.row)))
            for node_type, rows, here in placement.by_type(terms):
                for fact in ("title", "text"):
                    empty = sets[node_type].empty(fact)[rows]
                    iris = names.take(pa.array(terms[here[empty]]))
                    named = pc.invert(pc.starts_with(iris, "_:"))
                    some = rows[empty][mask_of(named)]
                    sets[node_type].fill(fact, some, readable_names(iris.filter(named)))

    def _number(self, name: str) -> int:
        """Return the number of a predicate, -1 if the data lack it."""
        return self.predicates.get(expand(name, self.prefixes), -1)


def _fill(
    sets: Mapping[str, NodeSet], placement: Placement, fact: str, terms: IntArray, values: Any
) -> list[NodeSet]:
    """Fill a fact of some terms, and return the node sets that these are in."""
    found = []
    for node_type, rows, here in placement.by_type(terms):
        sets[node_type].fill(fact, rows, values.take(pa.array(here)))
        found.append(sets[node_type])
    return found
