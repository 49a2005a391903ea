"""The frozen knowledge graph: nodes by type, edges by (src, relation, dst)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kg.digest import add_joined
from kg.errors import InputError, nearest, shown
from kg.vocab import IntArray, Vocab

EdgeType = tuple[str, str, str]
FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Nodes:
    """All nodes of one type, in row order.

    Attributes:
        vocab: id <-> index.
        title: what people call the node, `""` where unknown; Arrow strings `[num_nodes]`.
        text: what the encoder reads, `""` where missing; Arrow strings `[num_nodes]`.
        domains: membership, bool `[num_nodes, num_domains]`; a node may be in several domains or in
            none (people and places often are). Users' domains follow from their interactions.
        attributes: every other column (numeric, categorical), `num_nodes` rows.
    """

    vocab: Vocab
    title: pa.StringArray
    text: pa.StringArray
    domains: BoolArray
    attributes: pa.Table

    def __post_init__(self) -> None:
        sizes = {len(self.vocab), len(self.title), len(self.text), len(self.domains)}
        if self.attributes.num_columns:
            sizes.add(self.attributes.num_rows)
        if len(sizes) != 1:
            raise InputError(
                f"columns of {self.vocab.kind!r} have different lengths: {sorted(sizes)}"
            )
        self.domains.flags.writeable = False

    def __len__(self) -> int:
        return len(self.vocab)


@dataclass(frozen=True, kw_only=True, eq=False)
class Edges:
    """All edges of one type; no (src, dst) pair twice.

    Attributes:
        src: rows of the source node type, int64 `[num_edges]`.
        dst: rows of the destination node type, int64 `[num_edges]`.
        weight: strength, float32 `[num_edges]`, 1 where the data say nothing.
        time: seconds, or any number that grows with time, float64 `[num_edges]`; None if unknown.
    """

    src: IntArray
    dst: IntArray
    weight: FloatArray
    time: npt.NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        sizes = {len(self.src), len(self.dst), len(self.weight)}
        if self.time is not None:
            sizes.add(len(self.time))
        if len(sizes) != 1:
            raise InputError(f"edge columns have different lengths: {sorted(sizes)}")
        for column in (self.src, self.dst, self.weight, self.time):
            if column is not None:
                column.flags.writeable = False

    def __len__(self) -> int:
        return len(self.src)

    def order(self) -> IntArray | slice:
        """Return the order by (src, dst); all of them where they have it, as imported ones do."""
        later = self.src[1:] > self.src[:-1]
        later |= (self.src[1:] == self.src[:-1]) & (self.dst[1:] > self.dst[:-1])
        return slice(None) if later.all() else np.lexsort((self.dst, self.src))

    def take(self, rows: IntArray | BoolArray) -> "Edges":
        """Return the edges at `rows` (indices or a mask)."""
        time = None if self.time is None else self.time[rows]
        return Edges(src=self.src[rows], dst=self.dst[rows], weight=self.weight[rows], time=time)


@dataclass(frozen=True, kw_only=True, eq=False)
class KnowledgeGraph:
    """Users, items and entities of any number of domains, and the edges between them.

    One edge type, `interactions`, says which users used which items: it is what is predicted. An
    edge is stored once, in the direction it was given; reverses are made where they are needed.

    Raises:
        InputError: an edge names a missing node type or row, or `interactions` is no edge type.
    """

    domains: tuple[str, ...]
    nodes: Mapping[str, Nodes]
    edges: Mapping[EdgeType, Edges]
    interactions: EdgeType

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", MappingProxyType(dict(sorted(self.nodes.items()))))
        object.__setattr__(self, "edges", MappingProxyType(dict(sorted(self.edges.items()))))
        for node_type, nodes in self.nodes.items():
            if nodes.domains.shape[1] != len(self.domains):
                raise InputError(f"{node_type!r}: domains must have {len(self.domains)} columns")
        for edge_type, edges in self.edges.items():
            for end, rows in ((edge_type[0], edges.src), (edge_type[2], edges.dst)):
                if end not in self.nodes:
                    raise InputError(f"edge type {edge_type} names unknown node type {end!r}")
                if len(rows) and (rows.min() < 0 or rows.max() >= len(self.nodes[end])):
                    raise InputError(f"edge type {edge_type} has rows outside {end!r}")
        if self.interactions not in self.edges:
            raise InputError(f"the graph has no interactions: {self.interactions} is no edge type")

    @property
    def user_type(self) -> str:
        """Node type of users."""
        return self.interactions[0]

    @property
    def item_type(self) -> str:
        """Node type of items."""
        return self.interactions[2]

    @property
    def users(self) -> Nodes:
        """The nodes that are recommended to."""
        return self.nodes[self.user_type]

    @property
    def items(self) -> Nodes:
        """The nodes that are recommended."""
        return self.nodes[self.item_type]

    @property
    def interaction_edges(self) -> Edges:
        """The edges of the interactions relation."""
        return self.edges[self.interactions]

    def domain_index(self, domain: str) -> int:
        """Return the column of a domain.

        Raises:
            InputError: no such domain; names the nearest.
        """
        if domain not in self.domains:
            known = ", ".join(self.domains)
            raise InputError(
                f"unknown domain {shown(domain)}{nearest(domain, self.domains)} (domains: {known})"
            )
        return self.domains.index(domain)

    def item_mask(self, *domains: str) -> BoolArray:
        """Return which items are in any of `domains`; bool `[num_items]`."""
        columns = [self.domain_index(domain) for domain in domains]
        return np.asarray(self.items.domains[:, columns].any(axis=1))

    def user_mask(self, *domains: str) -> BoolArray:
        """Return which users have an interaction in any of `domains`; bool `[num_users]`."""
        edges = self.interaction_edges
        mask: BoolArray = np.zeros(len(self.users), dtype=np.bool_)
        mask[edges.src[self.item_mask(*domains)[edges.dst]]] = True
        return mask

    def with_edges(self, edges: Mapping[EdgeType, Edges]) -> Self:
        """Return the same graph with some edge types replaced or added."""
        return replace(self, edges={**self.edges, **edges})

    @cached_property
    def fingerprint(self) -> str:
        """Hash of every id, text, attribute and edge: what a model is tied to."""
        digest = hashlib.sha256("\x00".join(self.domains).encode())
        for node_type, nodes in self.nodes.items():
            digest.update(node_type.encode() + nodes.vocab.fingerprint().encode())
            add_joined(digest, nodes.text)
            digest.update(nodes.domains.tobytes())
            for name in sorted(nodes.attributes.column_names):
                digest.update(name.encode())
                _hash_column(digest, nodes.attributes.column(name))
        for edge_type, edges in self.edges.items():
            digest.update("\x00".join(edge_type).encode())
            order = edges.order()
            for column in (edges.src, edges.dst, edges.weight):
                digest.update(np.ascontiguousarray(column[order]).data)
        return digest.hexdigest()


def _hash_column(digest: "hashlib._Hash", column: Any) -> None:
    """Add the values of a column, whatever its chunks and what lies where a value is missing."""
    if not len(column):
        return
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    digest.update(column.is_valid().to_numpy(zero_copy_only=False).tobytes())
    present = column.drop_null()
    if pa.types.is_integer(present.type) or pa.types.is_floating(present.type):
        values = present.to_numpy() + 0  # -0 is 0
        digest.update(str(present.type).encode() + values.tobytes())
    elif pa.types.is_string(present.type):
        add_joined(digest, present)
    elif isinstance(present, pa.ListArray | pa.LargeListArray | pa.FixedSizeListArray):
        digest.update(pc.list_value_length(present).to_numpy().tobytes())
        _hash_column(digest, present.flatten())
    else:
        digest.update("\x00".join(map(str, present.to_pylist())).encode())
