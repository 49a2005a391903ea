"""Edges of exported RDF: triples between nodes, and what statements say of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kg.errors import InputError
from kg.export.columns import Columns, codes
from kg.export.vocabulary import RDF, SPACES, names_of, own
from kg.graph import Edges, EdgeType
from kg.vocab import IntArray

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the nodes of a file are in the graph.

    Attributes:
        names: their IRIs, Arrow strings `[num_nodes]`.
        kinds: node types.
        kind_of: index into `kinds` of each.
        row_of: row of each among the nodes of its type.
    """

    names: Any
    kinds: list[str]
    kind_of: IntArray
    row_of: IntArray


@dataclass(frozen=True)
class _Statements:
    """What is said of triples of one predicate; NaN for nothing."""

    src: IntArray
    dst: IntArray
    weight: Doubles
    time: Doubles


def read_edges(
    columns: Columns, edge_types: list[EdgeType], timed: set[EdgeType], places: Places, source: str
) -> dict[EdgeType, Edges]:
    """Return the edges by type, sorted by (src, dst); types without edges too.

    Args:
        columns: all triples.
        edge_types: those that the file declares.
        timed: those of them with times.
        places: the nodes.
        source: what messages call the file.

    Raises:
        InputError: an end of an edge is no node, or an edge has no time and others have.
    """
    said = _statements(columns, places)
    none = np.zeros(0, dtype=np.int64)
    found = {name: (none, none, "") for name in edge_types}
    for predicate in columns.predicates(SPACES["relation"]):
        pairs = columns.pairs(predicate)
        relation = (names_of(predicate, "relation") or ("",))[0]
        src, dst = (_known(ends, places, source) for ends in (pairs.subject, pairs.object))
        shape = (len(places.kinds), len(places.kinds))
        kind = np.ravel_multi_index((places.kind_of[src], places.kind_of[dst]), shape)
        for code in np.unique(kind).tolist():
            here = kind == code
            heads, tails = np.unravel_index(code, shape)
            name = (places.kinds[int(heads)], relation, places.kinds[int(tails)])
            found[name] = (src[here], dst[here], predicate)
    edges = {}
    for name, (src, dst, predicate) in found.items():
        weight, time = _said(said.get(predicate), src, dst, len(places.names))
        if name in timed and np.isnan(time).any():
            raise InputError(f"{source}: edges {' '.join(name)!r} have times, but not all of them")
        rows = places.row_of[src], places.row_of[dst]
        order = np.lexsort(rows[::-1])
        edges[name] = Edges(
            src=rows[0][order],
            dst=rows[1][order],
            weight=weight[order].astype(np.float32),
            time=time[order] if name in timed else None,
        )
    return edges


def _known(iris: Any, places: Places, source: str) -> IntArray:
    node = codes(iris, places.names)
    if (node < 0).any():
        first = iris[int(np.argmax(node < 0))]
        raise InputError(f"{source}: {first} is an end of an edge, and no node with an id")
    return node


def _statements(columns: Columns, places: Places) -> dict[str, _Statements]:
    """Return what statements say, by predicate; those about other triples are left out."""
    weight, time = columns.pairs(own("weight")), columns.pairs(own("time"))
    names = pc.unique(pa.concat_arrays([weight.subject, time.subject]))
    parts = [columns.pairs(RDF + part).object_of(names) for part in ("subject", "object")]
    src, dst = (codes(part, places.names) for part in parts)
    predicate = columns.pairs(RDF + "predicate").object_of(names).dictionary_encode()
    code = pc.fill_null(predicate.indices, -1).to_numpy()
    weights, times = (_doubles(pairs.object_of(names)) for pairs in (weight, time))
    found = {}
    for i, relation in enumerate(predicate.dictionary.to_pylist()):
        here = (code == i) & (src >= 0) & (dst >= 0)
        found[relation] = _Statements(src[here], dst[here], weights[here], times[here])
    return found


def _doubles(strings: Any) -> Doubles:
    values: Doubles = pc.cast(strings, pa.float64()).to_numpy(zero_copy_only=False)
    return values


def _said(
    said: _Statements | None, src: IntArray, dst: IntArray, num_nodes: int
) -> tuple[Doubles, Doubles]:
    """Return weight (1 where nothing is said) and time (NaN) of each edge."""
    weight, time = np.ones(len(src)), np.full(len(src), np.nan)
    if said is None or not len(said.src) or not len(src):
        return weight, time
    shape = (num_nodes, num_nodes)
    keys = np.ravel_multi_index((said.src, said.dst), shape)
    order = np.argsort(keys, kind="stable")
    edge = np.ravel_multi_index((src, dst), shape)
    at = order[np.searchsorted(keys[order], edge).clip(max=len(keys) - 1)]
    there = keys[at] == edge
    weight[there] = np.where(np.isnan(said.weight[at[there]]), 1.0, said.weight[at[there]])
    time[there] = said.time[at[there]]
    return weight, time
