"""What an import changes in the graph that it adds to: what is new, and what is said otherwise."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kg.graph import BoolArray, Edges, KnowledgeGraph, Nodes
from kg.tables.values import flat, mask_of
from kg.vocab import IntArray

NEW, GONE = "new", "gone"
EXAMPLES = 5


@dataclass(frozen=True, kw_only=True)
class Change:
    """Nodes or edges of one type that an import has added, or has changed in one respect.

    Attributes:
        import_number: which import, from 1.
        of: the node type, or source, relation and destination of the edge type.
        what: `new`; of nodes also `title`, `text`, `domains` or an attribute; of edges also
            `weight`, `time`, or `gone`, when a row has taken the edge back.
        count: how many.
        examples: the first of them, each as id, before and after; of an edge the two ids.
    """

    import_number: int
    of: str
    what: str
    count: int
    examples: tuple[tuple[str, str, str], ...] = ()

    @classmethod
    def read(cls, about: dict[str, Any]) -> "Change":
        """Return a change from its fields, as JSON has them."""
        return cls(**{**about, "examples": tuple(tuple(row) for row in about["examples"])})


def changes_between(old: KnowledgeGraph, new: KnowledgeGraph, number: int) -> tuple[Change, ...]:
    """Return all that import `number` has changed.

    Args:
        old: the graph before.
        new: the graph after, with at least the nodes of the old one.
        number: of the import.
    """
    found = [
        *(c for kind in new.nodes for c in _of_nodes(kind, old, new)),
        *(c for kind in new.edges for c in _of_edges(kind, old, new)),
    ]
    return tuple(
        Change(import_number=number, of=of, what=what, count=count, examples=tuple(examples))
        for of, what, count, examples in found
        if count
    )


def attribute_strings(column: Any) -> Any:
    """Return an attribute column as the strings that it would be imported from; null is `""`."""
    kind = column.type
    if pa.types.is_list(kind):
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays([*column.chunks, pa.array([], kind)])
        return flat(pc.binary_join(column.cast(pa.list_(pa.string())), ", "))
    return flat(column)


_Found = tuple[str, str, int, list[tuple[str, str, str]]]


def _of_nodes(kind: str, old: KnowledgeGraph, new: KnowledgeGraph) -> Iterator[_Found]:
    after = new.nodes[kind]
    if kind not in old.nodes:
        yield kind, NEW, len(after), []
        return
    before = old.nodes[kind]
    yield kind, NEW, len(after) - len(before), []
    place = pa.array(after.vocab.index(before.vocab.ids))
    columns = [
        ("title", before.title, after.title.take(place)),
        ("text", before.text, after.text.take(place)),
    ]
    if kind != new.user_type:  # whose domains follow from their interactions
        columns.append(("domains", _domains(before, old), _domains(after, new).take(place)))
    for name in after.attributes.column_names:
        values = attribute_strings(after.attributes.column(name)).take(place)
        known = name in before.attributes.column_names
        was = attribute_strings(before.attributes.column(name)) if known else None
        columns.append((name, pa.array([""] * len(before)) if was is None else was, values))
    for name in set(before.attributes.column_names) - set(after.attributes.column_names):
        was = attribute_strings(before.attributes.column(name))
        columns.append((name, was, pa.array([""] * len(before), pa.string())))
    for name, was, values in columns:
        yield kind, name, *_differences(before, was, values)


def _differences(nodes: Nodes, was: Any, values: Any) -> tuple[int, list[tuple[str, str, str]]]:
    rows = np.flatnonzero(mask_of(pc.not_equal(was, values)))
    first = pa.array(rows[:EXAMPLES])
    columns = (nodes.vocab.ids.take(first), was.take(first), values.take(first))
    return len(rows), list(zip(*(column.to_pylist() for column in columns), strict=True))


def _domains(nodes: Nodes, graph: KnowledgeGraph) -> Any:
    """Return the domains of each node as one string."""
    distinct, code = np.unique(nodes.domains, axis=0, return_inverse=True)
    names = [", ".join(np.array(graph.domains, dtype=object)[row]) for row in distinct]
    return pa.array(names, pa.string()).take(pa.array(code.ravel()))


def _of_edges(
    kind: tuple[str, str, str], old: KnowledgeGraph, new: KnowledgeGraph
) -> Iterator[_Found]:
    after, name = new.edges[kind], " ".join(kind)
    if kind not in old.edges:
        yield name, NEW, len(after), []
        return
    before = old.edges[kind]
    place = _places(kind, before, after, old, new)
    yield name, NEW, len(after) - int((place >= 0).sum()), []
    yield name, GONE, int((place < 0).sum()), []
    before, place = before.take(place >= 0), place[place >= 0]
    yield (
        name,
        "weight",
        *_edge_examples(
            kind,
            old,
            before,
            before.weight,
            after.weight[place],
            before.weight != after.weight[place],
        ),
    )
    was = np.full(len(before), np.nan) if before.time is None else before.time
    values = np.full(len(before), np.nan) if after.time is None else after.time[place]
    differs = (was != values) & ~(np.isnan(was) & np.isnan(values))
    yield name, "time", *_edge_examples(kind, old, before, was, values, differs)


def _places(
    kind: tuple[str, str, str],
    before: Edges,
    after: Edges,
    old: KnowledgeGraph,
    new: KnowledgeGraph,
) -> IntArray:
    """Return where each edge of before is in after, -1 where it is gone."""
    src, dst = (new.nodes[kind[end]].vocab.index(old.nodes[kind[end]].vocab.ids) for end in (0, 2))
    width = len(new.nodes[kind[2]])
    wanted = src[before.src] * width + dst[before.dst]
    pairs = after.src * width + after.dst
    order = np.argsort(pairs, kind="stable")  # a graph from elsewhere may have them in any order
    found = np.minimum(np.searchsorted(pairs, wanted, sorter=order), max(len(pairs) - 1, 0))
    place = order[found] if len(pairs) else np.full(len(wanted), -1)
    return np.where(pairs[place] == wanted, place, -1) if len(pairs) else place


def _edge_examples(
    kind: tuple[str, str, str],
    graph: KnowledgeGraph,
    edges: Edges,
    was: npt.NDArray[Any],
    values: npt.NDArray[Any],
    differs: BoolArray,
) -> tuple[int, list[tuple[str, str, str]]]:
    rows = np.flatnonzero(differs)
    first = rows[:EXAMPLES]
    src = graph.nodes[kind[0]].vocab.to_ids(edges.src[first])
    dst = graph.nodes[kind[2]].vocab.to_ids(edges.dst[first])
    examples = [
        (f"{s} {d}", f"{a:g}", f"{b:g}")
        for s, d, a, b in zip(src, dst, was[first].tolist(), values[first].tolist(), strict=True)
    ]
    return len(rows), examples
