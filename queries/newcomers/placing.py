"""Newcomers beside a graph: checked, and given rows behind those that are there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.errors import InputError, UnknownIdError, nearest, shown
from kg.graph import Edges, EdgeType, KnowledgeGraph
from kg.vocab import IntArray
from queries.newcomers.grown import GrownVocab
from queries.newcomers.tables import ATTRIBUTE, Newcomers


@dataclass(frozen=True, kw_only=True, eq=False)
class Placed:
    """New nodes and edges in the rows that they will have.

    Attributes:
        vocabs: by node type that grows, its old ids and then the new ones.
        nodes: by node type, the rows of `Newcomers.nodes` in the order of their ids.
        edges: by edge type, the new edges; at least one end of each is new.
    """

    vocabs: Mapping[str, GrownVocab]
    nodes: Mapping[str, Any]
    edges: Mapping[EdgeType, Edges]


def place(graph: KnowledgeGraph, newcomers: Newcomers) -> Placed:
    """Check new nodes and edges against a graph.

    Args:
        graph: the whole graph, with what was held out and with earlier newcomers.
        newcomers: what is new.

    Raises:
        UnknownIdError: an edge ends at a node that is neither there nor new.
        InputError: a node is there already, or twice; an edge joins two nodes that were there, or
            is there twice; a type, relation, domain or attribute is unknown, or a weight is not a
            number from 0 on. Names where it stands.
    """
    nodes = _nodes(graph, newcomers.nodes)
    vocabs = {kind: GrownVocab(graph.nodes[kind].vocab, t["id"]) for kind, t in nodes.items()}
    return Placed(vocabs=vocabs, nodes=nodes, edges=_edges(graph, vocabs, newcomers.edges))


def _nodes(graph: KnowledgeGraph, table: Any) -> dict[str, Any]:
    kinds = pc.fill_null(table["type"], graph.user_type)
    ids = pc.fill_null(table["id"], "")
    _refuse(table, pc.equal(ids, ""), "a new node without an id")
    found = {}
    for kind in pc.unique(kinds).to_pylist():
        chosen = pc.equal(kinds, kind)
        if kind not in graph.nodes:
            known = ", ".join(graph.nodes)
            hint = nearest(kind, graph.nodes)
            _refuse(table, chosen, f"unknown node type {shown(kind)}{hint} (types: {known})")
        part = table.filter(chosen)
        known_rows = graph.nodes[kind].vocab.lookup(part["id"]) >= 0
        _refuse(part, known_rows, f"{kind} {{id}} is in the graph already")
        _, first = np.unique(np.asarray(part["id"].to_pylist(), dtype=object), return_index=True)
        again = np.ones(len(part), dtype=np.bool_)
        again[first] = False
        _refuse(part, again, f"{kind} {{id}} is new twice")
        _check_domains(graph, kind, part)
        _check_attributes(graph, kind, part)
        found[kind] = part
    return found


def _check_domains(graph: KnowledgeGraph, kind: str, part: Any) -> None:
    lists = pc.list_parent_indices(part["domains"])
    names = pc.list_flatten(part["domains"])
    unknown = pc.invert(pc.is_in(names, value_set=pa.array(graph.domains, pa.string())))
    if pc.any(unknown).as_py():
        name = names.filter(unknown)[0].as_py()
        row = lists.filter(unknown)[0].as_py()
        known = ", ".join(graph.domains)
        raise InputError(
            f"{_where(part, row)}unknown domain {shown(name)}{nearest(name, graph.domains)} "
            f"(domains: {known})"
        )
    if kind == graph.user_type and len(names):
        row = lists[0].as_py()
        raise InputError(
            f"{_where(part, row)}the domains of {kind} {shown(part['id'][row].as_py())} follow "
            "from the edges: leave the column empty"
        )


def _check_attributes(graph: KnowledgeGraph, kind: str, part: Any) -> None:
    known = graph.nodes[kind].attributes.column_names
    for column in part.column_names:
        name = column.removeprefix(ATTRIBUTE)
        if name == column or name in known:
            continue
        what = f"{kind} has no attribute {shown(name)}{nearest(name, known)}"
        _refuse(part, pc.is_valid(part[column]), f"{what} (attributes: {', '.join(known) or '-'})")


def _edges(
    graph: KnowledgeGraph, vocabs: Mapping[str, GrownVocab], table: Any
) -> dict[EdgeType, Edges]:
    weight = pc.fill_null(table["weight"], 1.0).to_numpy()
    _refuse(table, ~(np.isfinite(weight) & (weight >= 0)), "a weight must be a number from 0 on")
    relations = pc.fill_null(table["relation"], graph.interactions[1])
    found = {}
    for relation in pc.unique(relations).to_pylist():
        chosen = pc.equal(relations, relation)
        candidates = [edge_type for edge_type in graph.edges if edge_type[1] == relation]
        if not candidates:
            named = [edge_type[1] for edge_type in graph.edges]
            known, hint = ", ".join(dict.fromkeys(named)), nearest(relation, named)
            _refuse(table, chosen, f"unknown relation {shown(relation)}{hint} (relations: {known})")
        part, some = table.filter(chosen), weight[np.asarray(chosen)]
        ends = {each: _ends(graph, vocabs, each, part) for each in candidates}
        fits = np.stack([(src >= 0) & (dst >= 0) for src, dst in ends.values()])
        _refuse_misfits(graph, vocabs, part, candidates, fits)
        for edge_type, fit in zip(candidates, fits, strict=True):
            rows = np.flatnonzero(fit)
            if len(rows):
                src, dst = (end[rows] for end in ends[edge_type])
                _check_pairs(graph, edge_type, part.take(rows), src, dst)
                found[edge_type] = Edges(src=src, dst=dst, weight=some[rows].astype(np.float32))
    return found


def _ends(
    graph: KnowledgeGraph, vocabs: Mapping[str, GrownVocab], edge_type: EdgeType, part: Any
) -> tuple[IntArray, IntArray]:
    """Return rows of both ends, -1 where there is no such node or the table names another type."""
    found = []
    for end, kind in (("src", edge_type[0]), ("dst", edge_type[2])):
        rows = vocabs.get(kind, graph.nodes[kind].vocab).lookup(part[end])
        named = np.asarray(pc.fill_null(pc.equal(part[f"{end}_type"], kind), True))
        found.append(np.where(named, rows, -1))
    return found[0], found[1]


def _refuse_misfits(
    graph: KnowledgeGraph,
    vocabs: Mapping[str, GrownVocab],
    part: Any,
    candidates: list[EdgeType],
    fits: Any,
) -> None:
    """Refuse edges whose ends are of no type that the relation joins, or of several."""
    number = fits.sum(axis=0)
    several = np.flatnonzero(number > 1)
    if len(several):
        raise InputError(
            f"{_where(part, several[0])}{part['src'][several[0]].as_py()!r} and "
            f"{part['dst'][several[0]].as_py()!r} are nodes of several types: say which in the "
            "columns src_type and dst_type"
        )
    if number.all():
        return
    row = int(np.argmin(number))
    place, relation = _where(part, row), candidates[0][1]
    for end, at in (("src", 0), ("dst", 2)):
        kinds = list(dict.fromkeys(edge_type[at] for edge_type in candidates))
        node_id, said = part[end][row].as_py(), part[f"{end}_type"][row].as_py()
        if said is not None and said not in kinds:
            raise InputError(
                f"{place}{relation!r} has no {end} of type {shown(said)}{nearest(said, kinds)} "
                f"(types: {', '.join(kinds)})"
            )
        wanted = kinds if said is None else [said]
        known = [vocabs.get(kind, graph.nodes[kind].vocab) for kind in wanted]
        if not any((node_id or "") in vocab for vocab in known):
            # `Vocab.index` raises, and knows which id is near
            try:
                known[0].index([node_id or ""])
            except UnknownIdError as error:
                raise UnknownIdError(f"{place}{error}") from None
    joined = ", ".join(f"{src} to {dst}" for src, _, dst in candidates)
    raise InputError(f"{place}{relation!r} does not join these two nodes (it joins: {joined})")


def _check_pairs(
    graph: KnowledgeGraph, edge_type: EdgeType, part: Any, src: IntArray, dst: IntArray
) -> None:
    old = (src < len(graph.nodes[edge_type[0]])) & (dst < len(graph.nodes[edge_type[2]]))
    relation = edge_type[1]
    _refuse(part, old, f"{{src}} and {{dst}} are in the graph: {relation!r} needs a new node")
    order = np.lexsort((dst, src))
    again = np.zeros(len(src), dtype=np.bool_)
    again[order[1:]] = (np.diff(src[order]) == 0) & (np.diff(dst[order]) == 0)
    _refuse(part, again, f"{relation!r} from {{src}} to {{dst}} is there twice")


def _refuse(table: Any, wrong: Any, message: str) -> None:
    """Refuse a table with wrong rows; `{id}` and the like stand for cells of the first."""
    rows = np.flatnonzero(np.asarray(wrong))
    if len(rows):
        row = int(rows[0])
        for column in ("id", "src", "dst"):
            if f"{{{column}}}" in message:
                value = shown(str(table[column][row].as_py()))
                message = message.replace(f"{{{column}}}", value)
        more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
        raise InputError(f"{_where(table, row)}{message}{more}")


def _where(table: Any, row: int) -> str:
    place = table["place"][int(row)].as_py()
    return f"{place}: " if place else ""
