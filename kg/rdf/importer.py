"""The `[[rdf]]` sections of a mapping: triples to nodes, facts and edges."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kg.edges import EdgePart, EdgeSet
from kg.graph import BoolArray, EdgeType
from kg.mapping import GraphMapping, RdfFile
from kg.nodes import NodeSet
from kg.progress import Bar
from kg.rdf.batch import Codes, TripleBatch
from kg.rdf.classes import mapped_classes, members
from kg.rdf.facts import FactWriter
from kg.rdf.files import STANDARD_INPUT, content_name, rdf_files
from kg.rdf.names import Compactor, short_names
from kg.rdf.parts import Part, without_rejected
from kg.rdf.placing import Placement, place
from kg.rdf.prefixes import expand, prefixes_of
from kg.rdf.rules import Rules
from kg.rdf.stream import read_triples
from kg.rdf.terms import Terms
from kg.rdf.triples import (
    RDF_TYPE,
    SUBCLASS,
    Selection,
    TripleCollector,
)
from kg.rejects import RejectLog, Tally
from kg.vocab import IntArray


class RdfImport:
    """All RDF of a mapping: `read` first, `add` when the catalogue is complete."""

    def __init__(self, mapping: GraphMapping) -> None:
        self._mapping = mapping
        self._prefixes = prefixes_of(mapping)
        self._compact = Compactor(self._prefixes)
        self._rules = Rules.of(mapping, self._prefixes)
        self._terms = Terms()
        self._predicates: dict[str, int] = {}
        self._collected: list[tuple[int, TripleCollector]] = []
        self._paths: list[Path] = []

    def read(self, log: RejectLog, bar: Bar) -> list[Tally]:
        """Parse every file and return its tally."""
        for i, section in enumerate(self._mapping.rdf):
            selection = self._selection(section)
            for source in rdf_files(section.file, self._mapping.folder):
                tally = Tally(source.label, f"rdf[{i}]", log)
                number = len(self._collected) + 1
                file = TripleCollector(selection, self._terms, self._predicates, tally, number)
                base = (
                    None
                    if section.base is None
                    else expand(section.base, self._prefixes, "rdf.base")
                )
                batches = read_triples(source, format=section.format, base=base)
                file.read(_watched(batches, tally, bar))
                self._collected.append((i, file))
                self._paths.append(source.path)
            bar.advance()
        return [file.tally for _, file in self._collected]

    def add(
        self,
        sets: dict[str, NodeSet],
        edges: dict[EdgeType, EdgeSet],
        then: Callable[[], None] | None = None,
    ) -> None:
        """Add nodes and their facts to `sets`, and edges to `edges`.

        Args:
            sets: node sets by type; grow.
            edges: edge sets by type; grow.
            then: called when all literals are in, before names are made of IRIs.
        """
        numbers, names = self._terms.numbers(), self._terms.names(self._scope)
        self._terms = Terms()  # what is not needed any more may take as much memory as the graph
        files, member_of = self._sort_out(numbers, names)
        del numbers
        placement = self._place(files, names, member_of, sets)
        facts = FactWriter(
            mapping=self._mapping,
            prefixes=self._prefixes,
            predicates=self._predicates,
            compact=self._compact,
        )
        types = facts.types(files)
        files = [
            without_rejected(file, names, self._predicates, placement.rejected, types)
            for file in files
        ]
        facts.add(files, types, placement, sets)
        facts.add_domains(files, placement, sets)
        if then is not None:
            then()
        facts.add_names(files, names, placement, sets)
        relations = self._relations(files)
        for file in files:
            self._add_edges(file, relations, placement, edges)

    def _scope(self, file_number: int) -> str:
        """Return what tells a file's blank nodes from others', the same for the same content."""
        path = self._paths[file_number - 1]
        return "in" if str(path) == STANDARD_INPUT else content_name(path)

    def _sort_out(self, numbers: Codes, names: Any) -> tuple[list[Part], tuple[IntArray, IntArray]]:
        """Tell edges from types, and return the mapped classes of terms beside the files."""
        found = [(i, f, f.links(numbers), f.literals(numbers)) for i, f in self._collected]
        self._collected = []
        classes = pa.array(self._rules.classes, names.type)
        rank = pc.fill_null(pc.index_in(names, value_set=classes), -1).to_numpy()
        is_a, below = self._predicates.get(RDF_TYPE), self._predicates.get(SUBCLASS)
        types = [links.object[links.predicate == is_a] for _, _, links, _ in found]
        chains = [links.predicate == below for _, _, links, _ in found]
        mapped, ranks = mapped_classes(
            _distinct(np.concatenate([np.empty(0, np.int64), *types])),
            rank,
            _all(
                links.subject[chain] for (_, _, links, _), chain in zip(found, chains, strict=True)
            ),
            _all(
                links.object[chain] for (_, _, links, _), chain in zip(found, chains, strict=True)
            ),
        )
        is_mapped = np.zeros(len(names), dtype=np.bool_)
        is_mapped[mapped] = True
        files, pairs = [], []
        for i, file, links, literals in found:
            typing = (links.predicate == is_a) & is_mapped[links.object]
            ignored = ~typing & self._left_out(file.selection)[links.predicate]
            file.tally.ignored += int(ignored.sum())
            file.tally.loaded += int(ignored.sum())
            files.append(Part(i, file.tally, links, literals, ~(ignored | typing), typing))
            pairs.append(members(links.subject[typing], links.object[typing], mapped, ranks))
        return files, (_all(term for term, _ in pairs), _all(rank for _, rank in pairs))

    def _left_out(self, selection: Selection) -> BoolArray:
        mask = [selection.leaves_out(iri) for iri in self._predicates]
        return np.array([*mask, False], dtype=np.bool_)

    def _place(
        self,
        files: Sequence[Part],
        names: Any,
        member_of: tuple[IntArray, IntArray],
        sets: dict[str, NodeSet],
    ) -> Placement:
        default = list(dict.fromkeys(rdf.default_type for rdf in self._mapping.rdf))
        default_of = np.full(len(names), -1, dtype=np.int64)
        for file in files:  # the first section that mentions a term decides
            kind = default.index(self._mapping.rdf[file.section].default_type)
            default_of[file.mentioned(len(names)) & (default_of < 0)] = kind
        used = np.flatnonzero(default_of >= 0)
        return place(
            names,
            used,
            member_of,
            default,
            default_of[used],
            self._rules,
            self._compact,
            sets,
            self._mapping.known_to_rdf(),
        )

    def _relations(self, files: Sequence[Part]) -> dict[int, str]:
        iris = list(self._predicates)
        found = sorted({int(code) for f in files for code in _distinct(f.links.predicate[f.edge])})
        short = short_names([iris[code] for code in found], self._compact)
        relations = {code: short[iris[code]] for code in found}
        for section in self._mapping.rdf:
            if isinstance(section.relations, dict):
                for predicate, name in section.relations.items():
                    relations[self._predicates.get(expand(predicate, self._prefixes), -1)] = name
        return relations

    def _add_edges(
        self,
        file: Part,
        relations: Mapping[int, str],
        placement: Placement,
        edges: dict[EdgeType, EdgeSet],
    ) -> None:
        links, types = file.links, placement.types
        rows = np.flatnonzero(file.edge)
        src, dst = links.subject[rows], links.object[rows]
        shape = (len(types), max(relations, default=0) + 1, len(types))
        ends = (placement.type_of[src], links.predicate[rows], placement.type_of[dst])
        key = ends[0].astype(np.int64)
        key *= shape[1]
        key += ends[1]
        key *= shape[2]
        key += ends[2]
        count = np.bincount(key)
        distinct = np.flatnonzero(count)
        place = np.zeros(len(count), dtype=np.int16 if len(distinct) < 1 << 15 else np.int64)
        place[distinct] = np.arange(len(distinct))
        order = np.argsort(place[key], kind="stable")  # by counting, for so short a type
        stops = np.cumsum(count[distinct])
        for kind, start, stop in zip(distinct, stops - count[distinct], stops, strict=True):
            here = order[start:stop]
            src_type, predicate, dst_type = (int(i) for i in np.unravel_index(kind, shape))
            name = (types[src_type], relations[predicate], types[dst_type])
            part = EdgePart(
                src=placement.row[src[here]], dst=placement.row[dst[here]], tally=file.tally
            )
            edges.setdefault(name, EdgeSet(" ".join(name))).parts.append(part)
            file.tally.loaded += len(part.src)

    def _selection(self, section: RdfFile) -> Selection:
        relations, graphs = section.relations, section.graphs
        said = ("title", "text", "attributes")
        return Selection(
            literals=frozenset(
                iri for key in said for iri in self._iris(getattr(section, key), key)
            ),
            ignore=frozenset(self._iris(section.ignore, "ignore")),
            relations=None if relations is None else frozenset(self._iris(relations, "relations")),
            graphs=None
            if graphs is None
            else frozenset(g and expand(g, self._prefixes) for g in graphs),
        )

    def _iris(self, names: Iterable[str], key: str) -> list[str]:
        return [expand(name, self._prefixes, f"rdf.{key}") for name in names]


def _watched(batches: Iterable[TripleBatch], tally: Tally, bar: Bar) -> Iterator[TripleBatch]:
    for batch in batches:
        yield batch
        bar.advance(0, note=f"{tally.file}: {tally.rows:,} triples")


def _distinct(numbers: npt.NDArray[np.integer]) -> IntArray:
    """Return the distinct numbers, sorted; there are fewer than terms."""
    return np.flatnonzero(np.bincount(numbers))


def _all(parts: Iterable[Any]) -> IntArray:
    return np.concatenate([np.empty(0, np.int64), *parts])
