"""A graph whose linked nodes are one node: facts are filled in, edges meet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.errors import InputError
from kg.graph import BoolArray, Edges, EdgeType, KnowledgeGraph, Nodes
from kg.linking.candidates import is_new
from kg.vocab import IntArray, Vocab


@dataclass(frozen=True)
class Numbering:
    """The nodes of all types in one row of numbers, type after type."""

    types: tuple[str, ...]
    start: Mapping[str, int]
    total: int

    @classmethod
    def of(cls, graph: KnowledgeGraph) -> "Numbering":
        """Number the nodes of a graph."""
        start, total = {}, 0
        for kind, nodes in graph.nodes.items():
            start[kind] = total
            total += len(nodes)
        return cls(tuple(graph.nodes), start, total)

    def rows(self, kind: str) -> slice:
        """Return where the nodes of a type are."""
        place = self.types.index(kind)
        ends = [*(self.start[other] for other in self.types), self.total]
        return slice(ends[place], ends[place + 1])

    def type_of(self, numbers: IntArray) -> IntArray:
        """Return the place in `types` of each node."""
        starts = np.array([self.start[kind] for kind in self.types])
        # of types without nodes, which start where the next one does, none is meant
        return np.searchsorted(starts, numbers, side="right") - 1

    def priority(self, order: Sequence[str]) -> IntArray:
        """Return a number for each node: by the place of its type in `order`, then by its id."""
        found = np.empty(self.total, dtype=np.int64)
        before = 0
        for kind in dict.fromkeys([*(kind for kind in order if kind in self.start), *self.types]):
            rows = self.rows(kind)
            found[rows] = before + np.arange(rows.stop - rows.start)
            before += rows.stop - rows.start
        return found


def merge_nodes(graph: KnowledgeGraph, becomes: IntArray, priority: IntArray) -> KnowledgeGraph:
    """Return the graph with each node replaced by the node that it becomes.

    A node keeps its id and what it says; the nodes that become it fill in, in order of priority,
    what it leaves empty, and add their domains. Edges between nodes that become one vanish; of
    edges that become one the greatest weight and the latest time stay.

    Args:
        graph: any graph.
        becomes: number of the node that each node becomes, `[num_nodes]`; see `Numbering`.
        priority: of each node, `[num_nodes]`.

    Raises:
        InputError: edges with times and edges without become edges of one type.
    """
    numbers = Numbering.of(graph)
    stays = becomes == np.arange(numbers.total)
    gone = np.flatnonzero(~stays)
    gone = gone[np.argsort(priority[gone])]  # type after type
    columns = {kind: _columns(nodes) for kind, nodes in graph.nodes.items()}
    domains = {kind: nodes.domains.copy() for kind, nodes in graph.nodes.items()}
    giver, taker = numbers.type_of(gone), numbers.type_of(becomes[gone])
    for i in dict.fromkeys(giver.tolist()):
        for j in np.unique(taker[giver == i]).tolist():
            members = gone[(giver == i) & (taker == j)]
            source, target = numbers.types[i], numbers.types[j]
            rows = becomes[members] - numbers.start[target]
            given = pa.array(members - numbers.start[source])
            size = len(domains[target])
            for name, column in columns[source].items():
                own = columns[target].get(name)
                columns[target][name] = _filled(own, rows, column.take(given), size)
            np.logical_or.at(domains[target], rows, domains[source][given.to_numpy()])
    kept = {kind: stays[numbers.rows(kind)] for kind in numbers.types}
    edges = _moved(graph, numbers, becomes, kept)
    needed = {graph.user_type, graph.item_type, *(end for name in edges for end in name[::2])}
    nodes = {
        kind: _nodes(graph.nodes[kind], columns[kind], domains[kind], kept[kind])
        for kind in numbers.types
        if kept[kind].any() or kind in needed
    }
    return in_domains_of_items(replace(graph, nodes=nodes, edges=edges))


def in_domains_of_items(graph: KnowledgeGraph) -> KnowledgeGraph:
    """Return the graph with users in the domains of what they used, beside those they are in."""
    if not graph.domains:
        return graph
    used = np.stack([graph.user_mask(domain) for domain in graph.domains], axis=1)
    users = replace(graph.users, domains=graph.users.domains | used)
    return replace(graph, nodes={**graph.nodes, graph.user_type: users})


def distinct_edges(parts: Sequence[Edges], name: EdgeType) -> Edges:
    """Return edges of one type sorted by their ends, none twice.

    Raises:
        InputError: some have times and others have none.
    """
    parts = [part for part in parts if len(part)] or list(parts[:1])
    timed = {part.time is not None for part in parts}
    if len(timed) == 2:
        raise InputError(
            f"linking makes {' '.join(name)!r} edges of some with times and some without"
        )
    src = np.concatenate([part.src for part in parts])
    dst = np.concatenate([part.dst for part in parts])
    weight = np.concatenate([part.weight for part in parts])
    order = np.lexsort((dst, src))
    src, dst = src[order], dst[order]
    start = np.flatnonzero(is_new(src, dst))
    time: Any = None
    if timed == {True} and len(start):
        times = np.concatenate([part.time for part in parts if part.time is not None])
        time = np.maximum.reduceat(times[order], start)
    elif timed == {True}:
        time = np.zeros(0)
    if len(start):
        weight = np.maximum.reduceat(weight[order], start)
    return Edges(src=src[start], dst=dst[start], weight=weight, time=time)


def _moved(
    graph: KnowledgeGraph, numbers: Numbering, becomes: IntArray, kept: Mapping[str, BoolArray]
) -> dict[EdgeType, Edges]:
    row = {kind: np.cumsum(mask) - 1 for kind, mask in kept.items()}
    parts: dict[EdgeType, list[Edges]] = {}
    for (src_type, relation, dst_type), edges in graph.edges.items():
        old = (numbers.start[src_type] + edges.src, numbers.start[dst_type] + edges.dst)
        src, dst = becomes[old[0]], becomes[old[1]]
        vanish = (src == dst) & (old[0] != old[1])
        ends = np.stack([numbers.type_of(src), numbers.type_of(dst)])
        for i, j in np.unique(ends[:, ~vanish], axis=1).T.tolist():
            here = np.flatnonzero((ends[0] == i) & (ends[1] == j) & ~vanish)
            one, other = numbers.types[i], numbers.types[j]
            moved = replace(
                edges.take(here),
                src=row[one][src[here] - numbers.start[one]],
                dst=row[other][dst[here] - numbers.start[other]],
            )
            parts.setdefault((one, relation, other), []).append(moved)
        if not len(edges) or (src_type, relation, dst_type) == graph.interactions:
            parts.setdefault((src_type, relation, dst_type), []).append(
                edges.take(np.zeros(0, dtype=np.int64))
            )
    return {name: distinct_edges(some, name) for name, some in parts.items()}


def _columns(nodes: Nodes) -> dict[str, Any]:
    """Return title, text and attributes, with null for what is missing."""
    columns = {
        name: pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
        for name, column in (("title", nodes.title), ("text", nodes.text))
    }
    for name in nodes.attributes.column_names:
        columns[f"@{name}"] = _whole(nodes.attributes.column(name))
    return columns


def _filled(own: Any, rows: IntArray, given: Any, size: int) -> Any:
    """Return a column with nulls at `rows` replaced by the first that is given for each."""
    own = pa.nulls(size, given.type) if own is None else own
    if own.type != given.type:
        if pa.types.is_nested(own.type) or pa.types.is_nested(given.type):
            return own
        own, given = own.cast(pa.string()), given.cast(pa.string())
    said = given.is_valid().to_numpy(zero_copy_only=False)
    rows, first = np.unique(rows[said], return_index=True)
    offered = given.filter(pa.array(said)).take(pa.array(first))
    place = np.full(size, -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    return pc.coalesce(own, offered.take(pa.array(place, mask=place < 0)))


def _nodes(old: Nodes, columns: Mapping[str, Any], domains: BoolArray, kept: BoolArray) -> Nodes:
    mask = pa.array(kept)
    filtered = {name: column.filter(mask) for name, column in columns.items()}
    return Nodes(
        vocab=Vocab(old.vocab.ids.filter(mask), old.vocab.kind),
        title=pc.fill_null(filtered.pop("title"), ""),
        text=pc.fill_null(filtered.pop("text"), ""),
        domains=domains[kept],
        attributes=pa.table({name[1:]: filtered[name] for name in sorted(filtered)}),
    )


def _whole(column: Any) -> Any:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # what combine_chunks gives for zero or many chunks
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.nulls(0, column.type)
    return column
