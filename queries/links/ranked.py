"""Interactions, the relation that the ranking answers."""

import numpy as np

from kg.errors import InputError
from kg.graph import BoolArray, EdgeType, FloatArray
from kg.progress import progress
from kg.vocab import IntArray
from queries.filters import Filters
from queries.links.relations import Side
from queries.recommender import Recommender

_USERS = 1_024  # scored at once
_CELLS = 1 << 22


class RankedLinks:
    """Users and items; rows in, rows out.

    Args:
        recommender: what ranks.
    """

    def __init__(self, recommender: Recommender) -> None:
        self._recommender, self._engine = recommender, recommender.engine
        self.edge_type: EdgeType = recommender.graph.interactions

    def best(
        self, side: Side, asked: IntArray, k: int, *, domain: str | None, include_known: bool
    ) -> tuple[IntArray, FloatArray]:
        """Return the k best answers and their scores, `[num_asked, k]`; -1 and `-inf` if fewer.

        Tails are what `Recommender.recommend` gives. For heads every user is scored.

        Raises:
            InputError: unknown domain, or none is given and the model was trained for none.
        """
        if side.tails:
            filters = Filters(exclude_seen=not include_known)
            return self._engine.recommend(asked, self._domain(domain), k, filters)
        return self._users(asked, k, domain, include_known)

    def score(self, edge_type: EdgeType, heads: IntArray, tails: IntArray) -> FloatArray:
        """Return the scores of pairs, `[num_pairs]`."""
        del edge_type
        return self._engine.score(heads, tails)

    def is_known(self, edge_type: EdgeType, heads: IntArray, tails: IntArray) -> BoolArray:
        """Return which pairs were learned from, bool `[num_pairs]`."""
        del edge_type
        if not len(heads):
            return np.zeros(0, dtype=np.bool_)
        return np.asarray(self._engine.seen[heads, tails] != 0).ravel()

    def _users(
        self, items: IntArray, k: int, domain: str | None, include_known: bool
    ) -> tuple[IntArray, FloatArray]:
        graph, seen = self._recommender.graph, self._engine.seen
        pool = np.arange(len(graph.users))
        if domain is not None:
            pool = np.flatnonzero(self._recommender.train.user_mask(domain))
        rows = np.empty((len(items), 0), dtype=np.int64)
        scores = np.empty(rows.shape, dtype=np.float32)
        step = max(1, min(_USERS, _CELLS // max(1, len(items))))
        with progress("Scoring users", total=len(pool)) as bar:
            for start in range(0, len(pool), step):
                users = pool[start : start + step]
                found = self._engine.score(
                    np.repeat(users, len(items)), np.tile(items, len(users))
                ).reshape(len(users), len(items))
                if not include_known:
                    found[seen[users][:, items].toarray() != 0] = -np.inf
                scores = np.concatenate([scores, found.T], axis=1)
                rows = np.concatenate(
                    [rows, np.broadcast_to(users, (len(items), len(users)))], axis=1
                )
                order = np.lexsort((rows, -scores), axis=1)[:, :k]
                scores = np.take_along_axis(scores, order, axis=1)
                rows = np.take_along_axis(rows, order, axis=1)
                bar.advance(len(users))
        missing = k - rows.shape[1]
        rows = np.pad(rows, ((0, 0), (0, missing)), constant_values=-1)
        scores = np.pad(scores, ((0, 0), (0, missing)), constant_values=-np.inf)
        return np.where(scores > -np.inf, rows, -1), scores

    def _domain(self, domain: str | None) -> str:
        graph, split = self._recommender.graph, self._recommender.split
        if domain is None and split is not None:
            return split.target
        if domain is None and len(graph.domains) == 1:
            return graph.domains[0]
        if domain is None:
            raise InputError(f"give a domain (domains: {', '.join(graph.domains)})")
        return domain
