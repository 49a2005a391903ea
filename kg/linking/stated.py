"""Candidates that the graph states: edges that say so, and external identifiers."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.errors import ConfigError, nearest
from kg.graph import KnowledgeGraph
from kg.linking.candidates import Candidates, equal_pairs
from kg.linking.rules import LinkRule
from kg.linking.sides import Side
from kg.vocab import IntArray

SAME_ID = 100  # targets of one external identifier that are looked at


def same_as(
    graph: KnowledgeGraph, source: Side, target: Side, relations: tuple[str, ...]
) -> Candidates:
    """Return the ends of the edges, in either direction, that say two nodes are one.

    Raises:
        ConfigError: the graph has no such relation.
    """
    known = {relation for _, relation, _ in graph.edges}
    for name in relations:
        if name not in known:
            hint, names = nearest(name, known), ", ".join(sorted(known))
            raise ConfigError(f"same_as: no relation {name!r}{hint} (the graph has: {names})")
    found = []
    for (src_type, relation, dst_type), edges in graph.edges.items():
        if relation in relations:
            if (src_type, dst_type) == (source.kind, target.kind):
                found.append((edges.src, edges.dst))
            if (dst_type, src_type) == (source.kind, target.kind):
                found.append((edges.dst, edges.src))
    return together(found)


def same_ids(graph: KnowledgeGraph, source: Side, target: Side, rule: LinkRule) -> Candidates:
    """Return nodes with one external identifier, whole or as what an IRI ends with.

    Raises:
        ConfigError: a side has no such attribute or relation.
    """
    if rule.ids is None:
        return together([])
    mine_row, mine = _values(graph, source.kind, rule.ids.source)
    their_row, theirs = _values(graph, target.kind, rule.ids.target)
    i, j = equal_pairs(_endings(mine), _endings(theirs), SAME_ID)
    return together([(mine_row[i], their_row[j])])


def _values(graph: KnowledgeGraph, kind: str, name: str) -> tuple[IntArray, Any]:
    """Return rows and strings of what a node type has under a name."""
    nodes = graph.nodes[kind]
    if name == "id":
        return np.arange(len(nodes)), nodes.vocab.ids
    if name in nodes.attributes.column_names:
        column = nodes.attributes.column(name)
        if pa.types.is_floating(column.type):  # 12345678901 was written, and not 1.2345678901e+10
            values = column.to_numpy()
            if (np.isnan(values) | (np.abs(values) < 2**53) & (values % 1 == 0)).all():
                column = column.cast(pa.int64())
        return np.arange(len(nodes)), pc.fill_null(column.cast(pa.string()), "").combine_chunks()
    rows, values, known = [], [], list(nodes.attributes.column_names)
    for (src_type, relation, dst_type), edges in graph.edges.items():
        if src_type == kind:
            known.append(relation)
            if relation == name:
                rows.append(edges.src)
                values.append(graph.nodes[dst_type].vocab.ids.take(pa.array(edges.dst)))
    if not rows:
        hint, names = nearest(name, known), ", ".join(sorted(known)) or "none"
        raise ConfigError(f"{kind!r} has no attribute or relation {name!r}{hint} (it has: {names})")
    return np.concatenate(rows), pa.concat_arrays(values)


def _endings(values: Any) -> Any:
    trimmed = pc.utf8_rtrim(pc.utf8_trim_whitespace(values), "/#")
    ending = pc.replace_substring_regex(trimmed, r"^.*[/#:]", "")
    return pc.if_else(pc.equal(ending, ""), pa.scalar(None, pa.string()), ending)


def together(parts: Any) -> Candidates:
    """Return pairs that come as arrays of sources and of targets."""
    none = np.zeros(0, dtype=np.int64)
    source = np.concatenate([none, *(part[0] for part in parts)])
    return Candidates.of(source, np.concatenate([none, *(part[1] for part in parts)]))
