"""Ids, titles and domains of a graph, ready for single questions."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.errors import UnknownIdError
from kg.graph import KnowledgeGraph
from kg.vocab import IntArray
from queries.answers import node_type_of, titles_at


class Names:
    """What nodes are called, looked up for one node at a time.

    Ids are looked up in dictionaries: a filter may name thousands, and they are checked between
    the requests of others, where `Vocab` would take milliseconds.

    Args:
        graph: whose nodes.
    """

    def __init__(self, graph: KnowledgeGraph) -> None:
        self._graph = graph
        self._rows: dict[str, dict[str, int]] = {}
        self._lower: dict[str, tuple[Any, Any]] = {}
        for node_type in (graph.user_type, graph.item_type):
            self.rows_by_id(node_type)

    def rows_by_id(self, node_type: str) -> dict[str, int]:
        """Return the row of each id of a node type.

        Raises:
            InputError: no such node type; names the nearest.
        """
        rows = self._rows.get(node_type)
        if rows is None:
            ids = self._graph.nodes[node_type_of(self._graph, node_type)].vocab.ids.to_pylist()
            rows = self._rows[node_type] = dict(zip(ids, range(len(ids)), strict=True))
        return rows

    def rows(self, ids: Sequence[str], node_type: str) -> list[int]:
        """Return the rows of ids.

        Raises:
            UnknownIdError: an id is unknown. Names no near one, which takes too long for a server.
        """
        known = self.rows_by_id(node_type)
        for node_id in ids:
            if node_id not in known:
                raise UnknownIdError(f"unknown {node_type} id {node_id[:80]!r}")
        return [known[node_id] for node_id in ids]

    def titles(self, rows: Sequence[int] | IntArray, node_type: str) -> list[str]:
        """Return the titles at rows, ids where there is none."""
        at = np.asarray(rows, dtype=np.int64)
        titles: list[str] = titles_at(self._graph.nodes[node_type], at).to_pylist()
        return titles

    def ids(self, rows: Sequence[int] | IntArray, node_type: str) -> list[str]:
        """Return the ids at rows."""
        return self._graph.nodes[node_type].vocab.to_ids(np.asarray(rows, dtype=np.int64))

    def domains(self, rows: Sequence[int] | IntArray, node_type: str) -> list[list[str]]:
        """Return the names of the domains of the nodes at rows."""
        member = self._graph.nodes[node_type].domains[np.asarray(rows, dtype=np.int64)]
        return [
            [name for name, inside in zip(self._graph.domains, row, strict=True) if inside]
            for row in member.tolist()
        ]

    def described(self, rows: Sequence[int] | IntArray, node_type: str) -> list[dict[str, Any]]:
        """Return id, title and domains of the nodes at rows."""
        named = zip(
            self.ids(rows, node_type),
            self.titles(rows, node_type),
            self.domains(rows, node_type),
            strict=True,
        )
        return [
            {"id": node_id, "title": title, "domains": domains} for node_id, title, domains in named
        ]

    def search(self, text: str, node_type: str, limit: int) -> IntArray:
        """Return rows of nodes whose title or id holds a text, whatever the case.

        Those that begin with it come first, and of these the shorter title: so a whole title is
        found by typing it.
        """
        titles, ids = self._lower_case(node_type)
        wanted = pc.utf8_lower(pa.scalar(text)).as_py()
        held = pc.or_(pc.match_substring(titles, wanted), pc.match_substring(ids, wanted))
        rows = np.flatnonzero(held.to_numpy(zero_copy_only=False))
        there = pa.array(rows)
        found = titles.take(there)
        first = pc.or_(
            pc.starts_with(found, wanted), pc.starts_with(ids.take(there), wanted)
        ).to_numpy(zero_copy_only=False)
        length = pc.utf8_length(found).to_numpy(zero_copy_only=False)
        return rows[np.lexsort((rows, length, ~first))[:limit]]

    def _lower_case(self, node_type: str) -> tuple[Any, Any]:
        """Return titles (ids where there is none) and ids of a node type in lower case."""
        lower = self._lower.get(node_type)
        if lower is None:
            nodes = self._graph.nodes[node_type_of(self._graph, node_type)]
            titles = titles_at(nodes, np.arange(len(nodes)))
            lower = (pc.utf8_lower(titles), pc.utf8_lower(nodes.vocab.ids))
            self._lower[node_type] = lower
        return lower

    @cached_property
    def items_by_domain(self) -> dict[str, int]:
        """How many items each domain has."""
        counts = self._graph.items.domains.sum(axis=0).tolist()
        return dict(zip(self._graph.domains, counts, strict=True))
