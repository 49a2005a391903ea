"""One side of a link: nodes with their names and years, of a graph or of a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kg.errors import ConfigError, InputError, nearest
from kg.graph import BoolArray, KnowledgeGraph
from kg.linking.names import names_of_ids, qualifier_years, years_in
from kg.vocab import IntArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Side:
    """Nodes that may be linked, in the order of their ids; each has one name at least.

    Attributes:
        kind: node type.
        ids: Arrow strings `[num_nodes]`, sorted, none twice.
        names: Arrow strings `[num_names]`.
        name_row: node of each name, int64 `[num_names]`, rising.
        texts: what an encoder reads of each node, `[num_nodes]`.
        years: of each node, NaN where unknown, float64 `[num_nodes]`.
        usable: which nodes may be linked, bool `[num_nodes]`.
    """

    kind: str
    ids: Any
    names: Any
    name_row: IntArray
    texts: Any
    years: npt.NDArray[np.float64]
    usable: BoolArray

    def __len__(self) -> int:
        return len(self.ids)

    def labels(self) -> Any:
        """Return the first name of each node; Arrow strings `[num_nodes]`."""
        return self.names.take(pa.array(np.searchsorted(self.name_row, np.arange(len(self)))))


def graph_side(
    graph: KnowledgeGraph,
    kind: str,
    *,
    domain: str | None = None,
    having: Sequence[str] = (),
    year: str | None = None,
    read: str = "title",
) -> Side:
    """Return the nodes of one type as a side; a node without title is called by its id.

    Args:
        graph: whose nodes.
        kind: node type.
        domain: only nodes of this domain may be linked.
        having: only nodes with an edge of one of these relations, out of them; "*" for any.
        year: attribute with a year, a date or a text that has a year in it.
        read: "title" or "text".

    Raises:
        ConfigError: no such node type, domain, relation or attribute; names the nearest.
    """
    if kind not in graph.nodes:
        known = ", ".join(graph.nodes)
        raise ConfigError(f"no node type {kind!r}{nearest(kind, graph.nodes)} (types: {known})")
    nodes = graph.nodes[kind]
    usable = np.ones(len(nodes), dtype=np.bool_)
    if domain is not None:
        try:
            usable &= nodes.domains[:, graph.domain_index(domain)]
        except InputError as error:
            raise ConfigError(str(error)) from None
    if having:
        usable &= _has_edges(graph, kind, having)
    untitled = pc.equal(nodes.title, "").to_numpy(zero_copy_only=False)
    names = nodes.title
    if untitled.any():
        own = names_of_ids(nodes.vocab.ids.to_pylist())
        names = pc.if_else(pa.array(untitled), pa.array(own, pa.string()), names)
    texts = names
    if read == "text":
        texts = pc.if_else(pc.equal(nodes.text, ""), names, nodes.text)
    years = qualifier_years(names)
    if year is not None:
        if year not in nodes.attributes.column_names:
            known = nodes.attributes.column_names
            hint, names = nearest(year, known), ", ".join(known) or "none"
            raise ConfigError(f"year: {kind!r} has no attribute {year!r}{hint} (it has: {names})")
        stated = _years(nodes.attributes.column(year))
        years = np.where(np.isfinite(stated), stated, years)
    return Side(
        kind=kind,
        ids=nodes.vocab.ids,
        names=names,
        name_row=np.arange(len(nodes)),
        texts=texts,
        years=years,
        usable=usable,
    )


def table_side(kind: str, ids: Any, names: Any, years: Any = None) -> Side:
    """Return the rows of a table as a side; rows with one id give one node several names.

    Args:
        kind: what to call the nodes.
        ids: Arrow strings `[num_rows]`.
        names: Arrow strings `[num_rows]`.
        years: Arrow strings `[num_rows]` with a year in each, `""` for none.

    Raises:
        InputError: an id is empty.
    """
    if pc.any(pc.equal(ids, "")).as_py():
        raise InputError(f"{kind}: an id is empty")
    columns = {"id": ids, "name": names} | ({} if years is None else {"year": years})
    table = pa.table(columns).sort_by([(name, "ascending") for name in columns])
    distinct = pc.unique(table["id"].combine_chunks())
    row = pc.index_in(table["id"].combine_chunks(), value_set=distinct)
    row = row.to_numpy(zero_copy_only=False).astype(np.int64)
    own = table["name"].combine_chunks()
    found = qualifier_years(own)
    if years is not None:
        stated = years_in(table["year"].combine_chunks())
        found = np.where(np.isfinite(stated), stated, found)
    by_node = np.full(len(distinct), np.nan)
    np.fmin.at(by_node, row, found)
    first = np.searchsorted(row, np.arange(len(distinct)))
    return Side(
        kind=kind,
        ids=distinct,
        names=own,
        name_row=row,
        texts=own.take(pa.array(first)),
        years=by_node,
        usable=np.ones(len(distinct), dtype=np.bool_),
    )


def _has_edges(graph: KnowledgeGraph, kind: str, relations: Sequence[str]) -> BoolArray:
    out_of: dict[str, list[IntArray]] = {}
    for (src_type, relation, _), edges in graph.edges.items():
        if src_type == kind:
            out_of.setdefault(relation, []).append(edges.src)
    mask = np.zeros(len(graph.nodes[kind]), dtype=np.bool_)
    for relation in out_of if "*" in relations else relations:
        if relation not in out_of:
            hint, known = nearest(relation, out_of), ", ".join(sorted(out_of)) or "none"
            raise ConfigError(f"{kind!r} has no relation {relation!r}{hint} (it has: {known})")
        for src in out_of[relation]:
            mask[src] = True
    return mask


def _years(column: Any) -> npt.NDArray[np.float64]:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        numbers = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        return np.where((numbers >= 1500) & (numbers < 2100), np.floor(numbers), np.nan)
    return years_in(column.cast(pa.string()))
