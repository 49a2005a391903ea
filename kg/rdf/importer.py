"""The `[[rdf]]` sections of a mapping: triples to nodes, facts and edges."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from kg.edges import EdgePart, EdgeSet
from kg.graph import BoolArray, EdgeType
from kg.mapping import ClassRule, GraphMapping, RdfFile
from kg.nodes import NodeSet, attribute_fact
from kg.progress import Bar
from kg.rdf.literals import LiteralIndex
from kg.rdf.names import Compactor, readable_name, short_names
from kg.rdf.placing import Placement, Rules, place
from kg.rdf.prefixes import expand, prefixes_of
from kg.rdf.triples import RDF_TYPE, Terms, Triples, read_rdf
from kg.rejects import RejectLog, Tally
from kg.sources import source_files
from kg.vocab import IntArray

NOT_IN_CATALOGUE = "not in the catalogue"


@dataclass(frozen=True)
class _File:
    section: int
    tally: Tally
    triples: Triples
    edge: BoolArray  # which triples are edges
    typing: BoolArray  # which triples say a class that the mapping knows


class RdfImport:
    """All RDF of a mapping: `read` first, `add` when the catalogue is complete."""

    def __init__(self, mapping: GraphMapping) -> None:
        self._mapping = mapping
        self._prefixes = prefixes_of(mapping)
        self._compact = Compactor(self._prefixes)
        self._rules = Rules.of(mapping, self._prefixes)
        self._terms = Terms()
        self._files: list[_File] = []

    def read(self, log: RejectLog, bar: Bar) -> list[Tally]:
        """Parse every file and return its tally."""
        for i, section in enumerate(self._mapping.rdf):
            for source in source_files(section.file, self._mapping.folder):
                tally = Tally(source.label, f"rdf[{i}]", log)
                triples = read_rdf(
                    source,
                    self._terms,
                    tally,
                    file_number=len(self._files) + 1,
                    literals=frozenset(self._iris(_literal_names(section))),
                    format=section.format,
                    base=section.base,
                )
                self._files.append(self._sort_out(i, section, tally, triples))
            bar.advance()
        return [file.tally for file in self._files]

    def add(self, sets: dict[str, NodeSet], edges: dict[EdgeType, EdgeSet]) -> None:
        """Add nodes and their facts to `sets`, and edges to `edges`."""
        names = self._terms.names()
        placement = place(
            names,
            self._used(len(names)),
            self._classes_of(),
            self._defaults(),
            self._rules,
            self._compact,
            sets,
        )
        self._add_facts(names, placement, sets)
        self._add_file_domains(placement, sets)
        self._name_from_iri(names, placement, sets)
        relations = self._relations(names)
        for file in self._files:
            self._add_edges(file, names, relations, placement, edges)

    def _sort_out(self, number: int, section: RdfFile, tally: Tally, triples: Triples) -> _File:
        predicate = triples.predicate
        typing = predicate == self._terms.code(RDF_TYPE)
        typing &= np.isin(triples.object, self._codes(self._rules.classes))
        ignored = np.isin(predicate, self._codes(self._iris(section.ignore)))
        if section.relations is not None:
            ignored |= ~np.isin(predicate, self._codes(self._iris(section.relations)))
        ignored &= ~typing
        tally.ignored += int(ignored.sum())
        tally.loaded += int(ignored.sum())
        return _File(number, tally, triples, ~(ignored | typing), typing)

    def _used(self, num_terms: int) -> IntArray:
        used = np.zeros(num_terms, dtype=np.bool_)
        for file in self._files:
            triples = file.triples
            used[triples.subject[file.edge | file.typing]] = True
            used[triples.object[file.edge]] = True
            used[triples.literals.subject] = True
        return np.flatnonzero(used)

    def _classes_of(self) -> dict[int, list[ClassRule]]:
        order = {self._terms.code(iri): i for i, iri in enumerate(self._rules.classes)}
        entries = list(self._rules.classes.values())
        found: dict[int, set[int]] = {}
        for file in self._files:
            subjects = file.triples.subject[file.typing].tolist()
            classes = file.triples.object[file.typing].tolist()
            for subject, cls in zip(subjects, classes, strict=True):
                found.setdefault(subject, set()).add(order[cls])
        return {subject: [entries[i] for i in sorted(ranks)] for subject, ranks in found.items()}

    def _defaults(self) -> dict[int, str]:
        default: dict[int, str] = {}
        for file in self._files:  # the first section that mentions a term decides
            kind = self._mapping.rdf[file.section].default_type
            for term in _mentioned(file).tolist():
                default.setdefault(term, kind)
        return default

    def _add_facts(self, names: list[str], placement: Placement, sets: dict[str, NodeSet]) -> None:
        attributes = short_names(
            self._iris([name for rdf in self._mapping.rdf for name in rdf.attributes]),
            self._compact,
        )
        for i, section in enumerate(self._mapping.rdf):
            index = LiteralIndex(section.language)
            for file in self._files:
                if file.section == i:
                    _index_literals(file, index, names, placement)
            subjects = np.array(index.subjects(), dtype=np.int64)
            title, text = self._predicates(section.title), self._predicates(section.text)
            self._fill(sets, placement, "title", subjects, partial(index.first, predicates=title))
            self._fill(sets, placement, "text", subjects, partial(index.joined, predicates=text))
            for iri in self._iris(section.attributes):
                code = [self._terms.code(iri)]
                name = attribute_fact(attributes[iri])
                self._fill(sets, placement, name, subjects, partial(index.first, predicates=code))

    def _fill(
        self,
        sets: dict[str, NodeSet],
        placement: Placement,
        fact: str,
        terms: IntArray,
        value: Callable[[int], str],
    ) -> None:
        for i, node_type in enumerate(placement.types):
            members = terms[placement.type_of[terms] == i]
            values = [value(term) for term in members.tolist()]
            if any(values):
                said = np.array([bool(text) for text in values])
                rows = placement.row[members]
                texts = pa.array([text for text in values if text], pa.string())
                sets[node_type].fill(fact, rows[said], texts)

    def _add_file_domains(self, placement: Placement, sets: dict[str, NodeSet]) -> None:
        placed = {name: sets[name].placed() for name in placement.types}
        for file in self._files:
            domain = self._mapping.rdf[file.section].domain
            terms = _mentioned(file)
            for i, node_type in enumerate(placement.types if domain is not None else ()):
                rows = placement.row[terms[placement.type_of[terms] == i]]
                sets[node_type].put_in_domain(rows[~placed[node_type][rows]], str(domain))

    def _name_from_iri(
        self, names: list[str], placement: Placement, sets: dict[str, NodeSet]
    ) -> None:
        for file in self._files:
            if self._mapping.rdf[file.section].name_from_iri:
                terms = _mentioned(file)
                iris = terms[[not names[term].startswith("_:") for term in terms.tolist()]]
                for fact in ("title", "text"):
                    self._fill(sets, placement, fact, iris, lambda s: readable_name(names[s]))

    def _relations(self, names: list[str]) -> dict[int, str]:
        found = {int(code) for f in self._files for code in np.unique(f.triples.predicate[f.edge])}
        short = short_names([names[code] for code in found], self._compact)
        relations = {code: short[names[code]] for code in found}
        for section in self._mapping.rdf:
            if isinstance(section.relations, dict):
                for predicate, name in section.relations.items():
                    relations[self._terms.code(expand(predicate, self._prefixes))] = name
        return relations

    def _add_edges(
        self,
        file: _File,
        names: list[str],
        relations: Mapping[int, str],
        placement: Placement,
        edges: dict[EdgeType, EdgeSet],
    ) -> None:
        triples, tally = file.triples, file.tally
        bad = placement.rejected[triples.subject]
        tally.loaded += int((file.typing & ~bad).sum())
        bad = (bad & file.typing) | ((bad | placement.rejected[triples.object]) & file.edge)
        for i in np.flatnonzero(bad).tolist():
            parts = (triples.subject[i], triples.predicate[i], triples.object[i])
            line = int(triples.line[i])
            raw = " ".join(names[int(part)] for part in parts)
            tally.reject(line if line > 0 else None, raw, NOT_IN_CATALOGUE)
        good = np.flatnonzero(file.edge & ~bad)
        src, dst = triples.subject[good], triples.object[good]
        shape = (len(placement.types), len(names), len(placement.types))
        ends = (placement.type_of[src], triples.predicate[good], placement.type_of[dst])
        distinct, kind = np.unique(np.ravel_multi_index(ends, shape), return_inverse=True)
        for j, key in enumerate(distinct.tolist()):
            src_type, predicate, dst_type = (int(part) for part in np.unravel_index(key, shape))
            name = (placement.types[src_type], relations[predicate], placement.types[dst_type])
            here = kind == j
            part = EdgePart(placement.row[src[here]], placement.row[dst[here]], tally)
            edges.setdefault(name, EdgeSet(" ".join(name))).parts.append(part)
            tally.loaded += len(part.src)

    def _iris(self, names: Any) -> list[str]:
        return [expand(name, self._prefixes) for name in names]

    def _predicates(self, names: tuple[str, ...]) -> list[int]:
        return self._codes(self._iris(names))

    def _codes(self, iris: Any) -> list[int]:
        return [self._terms.code(iri) for iri in iris]


def _literal_names(section: RdfFile) -> tuple[str, ...]:
    return section.title + section.text + section.attributes


def _mentioned(file: _File) -> IntArray:
    """Return the terms that are nodes because of this file."""
    triples = file.triples
    return np.unique(
        np.concatenate(
            [
                triples.subject[file.edge | file.typing],
                triples.object[file.edge],
                np.array(triples.literals.subject, dtype=np.int64),
            ]
        )
    )


def _index_literals(
    file: _File, index: LiteralIndex, names: list[str], placement: Placement
) -> None:
    facts = file.triples.literals
    columns = (facts.subject, facts.predicate, facts.value, facts.language, facts.line)
    for subject, predicate, value, language, line in zip(*columns, strict=True):
        if placement.rejected[subject]:
            raw = f"{names[subject]} {names[predicate]} {value!r}"
            file.tally.reject(line if line > 0 else None, raw, NOT_IN_CATALOGUE)
        else:
            file.tally.loaded += 1
            index.add(subject, predicate, value, language)
