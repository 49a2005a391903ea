"""A graph as lines of N-Triples, N-Quads or Turtle, in blocks of bytes."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.export.blocks import Block, parts, slices
from kg.export.lines import Lines, data_of, join
from kg.export.literals import lexical
from kg.export.naming import Naming
from kg.export.vocabulary import LABEL, TYPE, XSD, named, own
from kg.graph import Edges, EdgeType, KnowledgeGraph, Nodes

FORMAT = 1  # of the vocabulary; raised when an older reader would misread it


def blocks(graph: KnowledgeGraph, naming: Naming, *, turtle: bool = False) -> Iterator[Block]:
    """Yield the graph as RDF.

    Without `turtle` as N-Triples, which are N-Quads of the default graph too. What an edge weighs,
    where that is not 1, and its time are said of a `rdf:Statement`, which every RDF library and
    store reads.

    Args:
        graph: the graph.
        naming: makes the IRIs of its nodes.
        turtle: use prefixes, declared at the top.

    Raises:
        InputError: an attribute has no form in RDF.
    """
    lines = Lines(turtle=turtle)
    yield Block(lines.head(), 0)
    yield Block(b"".join(_schema(graph, lines)), 0)
    iris = {kind: join("<", names, ">") for kind, names in naming.iris(graph).items()}
    for kind, nodes in graph.nodes.items():
        for rows in slices(len(nodes)):
            yield _nodes(kind, nodes, rows, iris[kind][rows], graph.domains, lines)
    statements = 0
    for edge_type, edges in graph.edges.items():
        for part in parts(edges):
            src = iris[edge_type[0]].take(pa.array(part.src))
            dst = iris[edge_type[2]].take(pa.array(part.dst))
            yield _edges(edge_type, part, src, dst, statements, lines)
            statements += len(part)


def _schema(graph: KnowledgeGraph, lines: Lines) -> Iterator[memoryview]:
    def about(iri: str, *facts: Any) -> memoryview:
        return data_of(lines.about(pa.array([lines.iri(iri)]), facts))

    def a(cls: str) -> Any:
        return lines.fact(TYPE, lines.iri(own(cls)))

    def number(predicate: str, value: int) -> Any:
        return lines.value(own(predicate), pa.array([str(value)]), XSD + "integer")

    def label(name: str) -> Any:
        return lines.value(LABEL, pa.array([name]))

    def ref(predicate: str, space: str, name: str) -> Any:
        return lines.fact(own(predicate), lines.iri(named(space, name)))

    yield about(own("graph"), a("Graph"), number("format", FORMAT))
    for position, domain in enumerate(graph.domains):
        where = number("position", position)
        yield about(named("domain", domain), a("Domain"), label(domain), where)
    for kind, nodes in graph.nodes.items():
        yield about(named("type", kind), a("NodeType"), label(kind))
        for position, field in enumerate(nodes.attributes.schema):
            yield about(
                named("column", kind, field.name),
                a("Column"),
                ref("of", "type", kind),
                ref("property", "attribute", field.name),
                number("position", position),
                lines.value(own("columnType"), pa.array([str(field.type)])),
            )
    for name, edges in graph.edges.items():
        yield about(
            named("edges", *name),
            a("EdgeType"),
            *([a("Interactions")] if name == graph.interactions else []),
            *([a("Timed")] if edges.time is not None else []),
            ref("from", "type", name[0]),
            ref("relation", "relation", name[1]),
            ref("to", "type", name[2]),
        )


def _nodes(
    kind: str, nodes: Nodes, rows: slice, iris: Any, domains: tuple[str, ...], lines: Lines
) -> Block:
    def text(predicate: str, values: Any) -> Any:
        there = pc.not_equal(values, "")
        return pc.if_else(there, lines.value(predicate, values), pa.scalar(None, pa.string()))

    facts = [
        lines.fact(TYPE, lines.iri(named("type", kind))),
        lines.value(own("id"), nodes.vocab.ids[rows]),
        text(LABEL, nodes.title[rows]),
        text(own("text"), nodes.text[rows]),
    ]
    for column, domain in enumerate(domains):
        member = pa.array(nodes.domains[rows, column])
        facts.append(lines.fact(own("domain"), lines.iri(named("domain", domain)), member))
    for name in nodes.attributes.column_names:
        values = nodes.attributes.column(name)[rows].combine_chunks()
        strings, datatype = lexical(values, f"attribute {name!r} of {kind}")
        facts.append(lines.value(named("attribute", name), strings, datatype))
    return Block(data_of(lines.about(iris, facts)), len(iris))


def _edges(
    edge_type: EdgeType, edges: Edges, src: Any, dst: Any, first: int, lines: Lines
) -> Block:
    relation = named("relation", edge_type[1])
    asserted = lines.about(src, [lines.fact(relation, dst)])
    weight, single = lexical(pa.array(edges.weight, mask=edges.weight == 1), "weight")
    said = [lines.value(own("weight"), weight, single)]
    if edges.time is not None:
        time, double = lexical(pa.array(edges.time), "time")
        said.append(lines.value(own("time"), time, double))
    elif not weight.is_valid().true_count:
        return Block(data_of(asserted), len(edges))
    names = join("_:e", pa.array(np.arange(first, first + len(edges))).cast(pa.string()))
    told = lines.statement(names, src, relation, dst, said)
    if edges.time is None:
        told = pc.if_else(weight.is_valid(), told, "")
    return Block(data_of(join(asserted, told)), len(edges))
