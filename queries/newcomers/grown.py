"""A graph with more nodes: those that were there keep their rows."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.errors import InputError, shown
from kg.graph import BoolArray, Edges, KnowledgeGraph, Nodes
from kg.vocab import Vocab
from queries.newcomers.tables import ATTRIBUTE

if TYPE_CHECKING:
    from queries.newcomers.placing import Placed


class GrownVocab(Vocab):
    """Ids that were there, in their order, and new ones behind them in that of their arrival.

    Args:
        known: ids with rows.
        ids: new ones, distinct and not among `known`.
    """

    def __init__(self, known: Vocab, ids: Any) -> None:
        new = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
        self._ids = pa.concat_arrays([known.ids, new.cast(pa.string())])
        self._known = known
        self.kind = known.kind

    def _place(self, node_id: str) -> int:
        """Return the index of one id, -1 where it is unknown: only the old ones are in order."""
        at, size = self._known._place(node_id), len(self._known)
        if at >= 0:
            return at
        behind = pc.index(self._ids.slice(size), node_id).as_py()
        return size + behind if behind >= 0 else -1


def grow(graph: KnowledgeGraph, placed: "Placed") -> KnowledgeGraph:
    """Return the graph with newcomers behind what was there.

    Raises:
        InputError: the value of an attribute is not what that attribute holds; names the node.
    """
    nodes = dict(graph.nodes)
    for kind, table in placed.nodes.items():
        nodes[kind] = _nodes(graph, graph.nodes[kind], placed.vocabs[kind], table)
    edges = {kind: _joined(graph.edges[kind], new) for kind, new in placed.edges.items()}
    used = placed.edges.get(graph.interactions)
    if used is not None and graph.user_type in placed.nodes:
        nodes[graph.user_type] = _with_domains(graph, nodes, used)
    return replace(graph, nodes=nodes, edges={**graph.edges, **edges})


def _nodes(graph: KnowledgeGraph, nodes: Nodes, vocab: Vocab, table: Any) -> Nodes:
    facts = []
    for known, name in ((nodes.title, "title"), (nodes.text, "text")):
        new = pc.fill_null(table[name], "").combine_chunks()
        facts.append(pa.concat_arrays([known, new]))
    return Nodes(
        vocab=vocab,
        title=facts[0],
        text=facts[1],
        domains=np.concatenate([nodes.domains, _membership(graph, table)]),
        attributes=_attributes(nodes, table),
    )


def _membership(graph: KnowledgeGraph, table: Any) -> BoolArray:
    membership = np.zeros((len(table), len(graph.domains)), dtype=np.bool_)
    for row, names in enumerate(table["domains"].to_pylist()):
        for name in names or ():
            membership[row, graph.domain_index(name)] = True
    return membership


def _attributes(nodes: Nodes, table: Any) -> Any:
    known, columns = nodes.attributes, {}
    for field in known.schema:
        name = ATTRIBUTE + field.name
        if name not in table.column_names:
            columns[field.name] = pa.nulls(len(table), field.type)
            continue
        try:
            columns[field.name] = table[name].cast(field.type).combine_chunks()
        except pa.ArrowException as error:
            raise InputError(
                f"attribute {shown(field.name)} of {nodes.vocab.kind} holds {field.type}: {error}"
            ) from None
    if not columns:
        return known
    return pa.concat_tables([known, pa.table(columns, schema=known.schema)])


def _joined(edges: Edges, new: Edges) -> Edges:
    time = edges.time
    if time is not None:  # what nobody has seen yet is the latest
        latest = np.full(len(new), np.max(time, initial=0.0))
        time = np.concatenate([time, latest])
    return Edges(
        src=np.concatenate([edges.src, new.src]),
        dst=np.concatenate([edges.dst, new.dst]),
        weight=np.concatenate([edges.weight, new.weight]),
        time=time,
    )


def _with_domains(graph: KnowledgeGraph, nodes: Mapping[str, Nodes], used: Edges) -> Nodes:
    """Return users of whom new ones are in the domains of what they used."""
    users = nodes[graph.user_type]
    domains = users.domains.copy()
    new = used.src >= len(graph.users)
    at, column = np.nonzero(nodes[graph.item_type].domains[used.dst[new]])
    domains[used.src[new][at], column] = True
    return replace(users, domains=domains)
