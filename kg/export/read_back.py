"""Exported RDF to the graph that it was: types, ids, texts, attributes, weights and times."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.errors import InputError
from kg.export.columns import Columns, Pairs, codes
from kg.export.literals import from_lexical, type_named
from kg.export.rdf import FORMAT
from kg.export.read_edges import Places, read_edges
from kg.export.vocabulary import LABEL, TYPE, named, names_of, own
from kg.graph import BoolArray, EdgeType, KnowledgeGraph, Nodes
from kg.mapping import Exported
from kg.rdf.stream import read_triples
from kg.rejects import Account
from kg.sources import source_files
from kg.vocab import Vocab


def read_exported(section: Exported, folder: Path) -> tuple[KnowledgeGraph, Account]:
    """Read a graph that was exported as RDF; any serialisation will do, in any order.

    Args:
        section: which file.
        folder: what its path is relative to.

    Raises:
        InputError: a line is malformed, or the triples are no exported graph or not all of one.
    """
    source, *more = source_files((section.file,), folder)
    if more:
        raise InputError(f"{section.file!r} means several files: an exported graph is one")
    columns = Columns()
    for batch in read_triples(source, format=section.format):
        if batch.malformed:
            bad = batch.malformed[0]
            raise InputError(f"{source.path}, line {bad.line}: {bad.reason}")
        columns.add(batch)
    rows, ignored = columns.rows, columns.ignored
    account = Account(
        file=source.label, section="exported", rows=rows, loaded=rows, rejected=0, ignored=ignored
    )
    return graph_of(columns, str(source.path)), account


def graph_of(columns: Columns, source: str) -> KnowledgeGraph:
    """Return the graph that exported triples describe, in whatever order they came.

    Args:
        columns: all triples.
        source: what messages call them.

    Raises:
        InputError: they are no exported graph, or part of it is missing.
    """
    written = columns.pairs(own("format")).object.to_pylist()
    if not written:
        raise InputError(f"{source} is not a graph that `isthmus export` wrote")
    if written != [str(FORMAT)]:
        raise InputError(f"{source} has format {', '.join(written)}, expected {FORMAT}")
    classes = columns.pairs(TYPE)
    domains = tuple(_in_order(columns, _instances(classes, "Domain"), "domain"))
    edge_types, timed, predicted = (
        [name for iri in _instances(classes, cls) if (name := _edge_type(iri))]
        for cls in ("EdgeType", "Timed", "Interactions")
    )
    if len(predicted) != 1:
        raise InputError(f"{source} does not say which one edge type is predicted")
    types = [names_of(iri, "type") for iri in _instances(classes, "NodeType")]
    kinds = [names[0] for names in types if names]
    places, nodes = _nodes(columns, kinds, domains, source)
    edges = read_edges(columns, edge_types, set(timed), places, source)
    return KnowledgeGraph(domains=domains, nodes=nodes, edges=edges, interactions=predicted[0])


def _instances(classes: Pairs, cls: str) -> list[str]:
    found: list[str] = classes.subject.filter(pc.equal(classes.object, own(cls))).to_pylist()
    return found


def _edge_type(iri: str) -> EdgeType | None:
    names = names_of(iri, "edges") or ()
    return (names[0], names[1], names[2]) if len(names) == 3 else None


def _in_order(columns: Columns, iris: list[str], space: str) -> list[str]:
    """Return the last name of each IRI, sorted by the positions that the file gives."""
    position = columns.pairs(own("position")).object_of(pa.array(iris, pa.string())).to_pylist()
    pairs = sorted(zip(map(int, position), iris, strict=True))
    return [names[-1] for _, iri in pairs if (names := names_of(iri, space))]


def _nodes(
    columns: Columns, kinds: list[str], domains: tuple[str, ...], source: str
) -> tuple[Places, dict[str, Nodes]]:
    ids = columns.pairs(own("id"))
    names = ids.subject
    classes = columns.pairs(TYPE)
    wanted = pa.array([named("type", kind) for kind in kinds], pa.string())
    said = classes.object.filter(pc.is_in(classes.object, value_set=wanted))
    about = classes.subject.filter(pc.is_in(classes.object, value_set=wanted))
    kind_of = codes(Pairs(about, said).object_of(names), wanted)
    if (kind_of < 0).any():
        first = names[int(np.argmax(kind_of < 0))]
        raise InputError(f"{source}: {first} has an id and no node type")
    title, text = columns.pairs(LABEL), columns.pairs(own("text"))
    member = _membership(columns, names, domains)
    row_of = np.empty(len(names), dtype=np.int64)
    found = {}
    for code, kind in enumerate(kinds):
        at = np.flatnonzero(kind_of == code)
        order = pc.sort_indices(ids.object.take(pa.array(at))).to_numpy()
        at = at[order]
        row_of[at] = np.arange(len(at))
        here = names.take(pa.array(at))
        found[kind] = Nodes(
            vocab=Vocab(ids.object.take(pa.array(at)), kind),
            title=pc.fill_null(title.object_of(here), ""),
            text=pc.fill_null(text.object_of(here), ""),
            domains=member[at],
            attributes=_attributes(columns, kind, here),
        )
    return Places(names=names, kinds=kinds, kind_of=kind_of, row_of=row_of), found


def _membership(columns: Columns, names: Any, domains: tuple[str, ...]) -> BoolArray:
    pairs = columns.pairs(own("domain"))
    row = codes(pairs.subject, names)
    column = codes(pairs.object, pa.array([named("domain", d) for d in domains], pa.string()))
    member = np.zeros((len(names), len(domains)), dtype=np.bool_)
    known = (row >= 0) & (column >= 0)
    member[row[known], column[known]] = True
    return member


def _attributes(columns: Columns, kind: str, names: Any) -> Any:
    of = columns.pairs(own("of"))
    mine = of.subject.filter(pc.equal(of.object, named("type", kind))).to_pylist()
    type_of = columns.pairs(own("columnType"))
    found = {}
    for attribute in _in_order(columns, mine, "column"):
        iri = pa.array([named("column", kind, attribute)])
        pairs = columns.pairs(named("attribute", attribute))
        found[attribute] = from_lexical(
            pairs.object_of(names), type_named(type_of.object_of(iri)[0].as_py())
        )
    return pa.table(found)
