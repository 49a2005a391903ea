"""Which items a question may be answered with, for everybody and for each user."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from scipy import sparse

from kg.graph import BoolArray, KnowledgeGraph
from kg.vocab import IntArray
from queries.conditions import Conditions
from queries.filters import Filters


class Allowed:
    """What is left of a graph's items after `Filters`.

    Args:
        graph: whose items.
        seen: what each user interacted with in training, CSR `[num_users, num_items]`.
    """

    def __init__(self, graph: KnowledgeGraph, seen: Any) -> None:
        self._graph, self._seen = graph, seen
        self._conditions = Conditions(graph)
        self._given: tuple[Any, Any] | None = None  # the last table of pairs, and its matrix

    def items(self, domain: str, filters: Filters) -> BoolArray:
        """Return which items anybody may get, bool `[num_items]`.

        Raises:
            UnknownIdError: an item that is allowed or excluded is unknown.
            InputError: unknown domain, or a condition that cannot be met.
        """
        mask = self._graph.item_mask(domain)
        if filters.allow is not None:
            mask &= self._set(filters.allow)
        if filters.exclude:
            mask &= ~self._set(filters.exclude)
        if filters.where:
            mask &= self._conditions.mask(filters.where)
        return mask

    def hidden(self, users: IntArray, filters: Filters) -> Any:
        """Return what each user must not get, CSR `[len(users), num_items]`; None for nothing."""
        seen = self._seen[users] if filters.exclude_seen else None
        if filters.given is None:
            return seen
        given = self._matrix(filters.given)[users]
        return given if seen is None else sparse.csr_array(seen + given)

    def _set(self, item_ids: Sequence[str]) -> BoolArray:
        mask: BoolArray = np.zeros(len(self._graph.items), dtype=np.bool_)
        mask[self._graph.items.vocab.index(item_ids)] = True
        return mask

    def _matrix(self, pairs: pa.Table) -> Any:
        """Return pairs as CSR `[num_users, num_items]`, kept for the next users of a batch."""
        if self._given is None or self._given[0] is not pairs:
            users = self._graph.users.vocab.lookup(pairs["user"])
            items = self._graph.items.vocab.lookup(pairs["item"])
            known = (users >= 0) & (items >= 0)
            ones = np.ones(int(known.sum()), dtype=np.float32)
            self._given = (
                pairs,
                sparse.csr_array((ones, (users[known], items[known])), shape=self._seen.shape),
            )
        return self._given[1]
