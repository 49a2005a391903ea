"""A graph as GraphML, in blocks of bytes: what Gephi, yEd, igraph and networkx open."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kg.export.blocks import Block, parts, slices
from kg.export.lines import data_of, join
from kg.export.literals import lexical
from kg.export.naming import Naming
from kg.export.vocabulary import XSD
from kg.graph import Edges, EdgeType, KnowledgeGraph, Nodes

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
"""
_NODE_KEYS = ("type", "id", "title", "text", "domains")
_TYPES = {
    XSD + "boolean": "boolean",
    XSD + "integer": "long",
    XSD + "float": "double",
    XSD + "double": "double",
}
_NOT_IN_XML = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x{FFFE}\x{FFFF}]"  # XML has no way to write these


def blocks(graph: KnowledgeGraph, naming: Naming) -> Iterator[Block]:
    """Yield the graph as GraphML.

    A node is called by its IRI. Its domains are joined with `", "`, since GraphML has no lists, and
    characters that XML cannot hold become U+FFFD.

    Args:
        graph: the graph.
        naming: makes the IRIs of its nodes.

    Raises:
        InputError: an attribute has a type that has no text.
    """
    yield Block((_HEAD + "".join(_keys(graph))).encode(), 0)
    yield Block(b'<graph edgedefault="directed">\n', 0)
    names = {kind: _escaped(iris) for kind, iris in naming.iris(graph).items()}
    for number, (kind, nodes) in enumerate(graph.nodes.items()):
        for rows in slices(len(nodes)):
            yield _nodes(number, kind, nodes, rows, names[kind][rows], graph.domains)
    for edge_type, edges in graph.edges.items():
        for part in parts(edges):
            src = names[edge_type[0]].take(pa.array(part.src))
            dst = names[edge_type[2]].take(pa.array(part.dst))
            yield _edges(edge_type, part, src, dst)
    yield Block(b"</graph>\n</graphml>\n", 0)


def _keys(graph: KnowledgeGraph) -> Iterator[str]:
    def key(name: str, where: str, title: str, kind: str) -> str:
        told = _escaped(pa.array([title]))[0].as_py()
        return f'<key id="{name}" for="{where}" attr.name="{told}" attr.type="{kind}"/>\n'

    for name in _NODE_KEYS:
        yield key(name, "node", name, "string")
    yield key("relation", "edge", "relation", "string")
    yield key("weight", "edge", "weight", "double")
    yield key("time", "edge", "time", "double")
    for number, (kind, nodes) in enumerate(graph.nodes.items()):
        for column, name in enumerate(nodes.attributes.column_names):
            values = nodes.attributes.column(name)[:0].combine_chunks()
            datatype = lexical(values, f"attribute {name!r} of {kind}")[1]
            title = f"attribute.{name}" if name in _NODE_KEYS else name
            yield key(f"a{number}.{column}", "node", title, _TYPES.get(datatype, "string"))


def _nodes(
    number: int, kind: str, nodes: Nodes, rows: slice, names: Any, domains: tuple[str, ...]
) -> Block:
    member = pa.array([""] * len(names), pa.string())
    for column, domain in enumerate(domains):
        more = pc.if_else(pc.equal(member, ""), domain, join(member, f", {domain}"))
        member = pc.if_else(pa.array(nodes.domains[rows, column]), more, member)
    facts = [
        _data("type", pa.array([kind]))[0].as_py(),
        _data("id", nodes.vocab.ids[rows]),
        _data("title", nodes.title[rows]),
        _data("text", nodes.text[rows]),
        _data("domains", member),
    ]
    for column, name in enumerate(nodes.attributes.column_names):
        values = nodes.attributes.column(name)[rows].combine_chunks()
        facts.append(_data(f"a{number}.{column}", lexical(values, name)[0]))
    return Block(data_of(join('<node id="', names, '">', *facts, "</node>\n")), len(names))


def _edges(edge_type: EdgeType, edges: Edges, src: Any, dst: Any) -> Block:
    relation = '">' + _data("relation", pa.array([edge_type[1]]))[0].as_py()
    facts = [_data("weight", pa.array(edges.weight).cast(pa.string()))]
    if edges.time is not None:
        facts.append(_data("time", pa.array(edges.time).cast(pa.string())))
    line = join('<edge source="', src, '" target="', dst, relation, *facts, "</edge>\n")
    return Block(data_of(line), len(edges))


def _data(key: str, values: Any) -> Any:
    """Return a `<data>` element for each value, empty where there is none to tell."""
    told = pc.fill_null(pc.not_equal(values, ""), False)
    element = join(f'<data key="{key}">', _escaped(pc.fill_null(values, "")), "</data>")
    return pc.if_else(told, element, "")


def _escaped(strings: Any) -> Any:
    for plain, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        strings = pc.replace_substring(strings, plain, entity)
    for space, entity in (("\n", "&#10;"), ("\r", "&#13;"), ("\t", "&#9;")):
        strings = pc.replace_substring(strings, space, entity)
    return pc.replace_substring_regex(strings, _NOT_IN_XML, "\ufffd")
