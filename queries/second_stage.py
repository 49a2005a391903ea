"""Answers of the second stage: all items of the target are scored, then some are left out."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from kg.errors import InputError
from kg.graph import BoolArray, FloatArray
from kg.vocab import IntArray
from queries.largest import places_of_largest
from queries.prepared import Prepared
from training.baselines.base import Scorer
from training.evaluation.metrics import mid_ranks

BLOCK_BYTES = 64 * 2**20  # of scores
# Products of different shapes round differently; an answer must not depend on who else was asked.
DECIMALS = 4


class TargetRanking:
    """Ranks the items of one domain.

    Signals are scaled over all items of the domain whatever is asked, so that a pair has one score.

    Args:
        scorer: the second stage.
        in_target: items of the domain, bool `[num_items]`.

    Attributes:
        prepared: answers made ahead; what they do not hold is scored.
    """

    def __init__(self, scorer: Scorer, in_target: BoolArray) -> None:
        self.scorer, self.in_target = scorer, in_target
        self.prepared: Prepared | None = None
        self._pool = np.flatnonzero(in_target)
        self._place = np.cumsum(in_target) - 1

    def top(
        self, users: IntArray, allowed: BoolArray, *, k: int, seen: Any = None
    ) -> tuple[IntArray, FloatArray]:
        """Return the k best allowed items of each user, best first, ties by the lowest row.

        Args:
            users: rows.
            allowed: items that may be answered, bool `[num_items]`.
            k: how many.
            seen: items to leave out for each user, CSR `[num_users, num_items]`; None for nothing.

        Returns:
            Item rows int64 `[num_users, k]`, -1 where fewer are left, and scores, `-inf` there.

        Raises:
            InputError: `k` is not positive.
        """
        if k < 1:
            raise InputError(f"k = {k}: expected at least 1")
        ahead = self._ahead
        if ahead is None:
            return self._scored_top(users, allowed, k, seen)
        rows, best, done = ahead.top(users, allowed, k=k, seen=seen)
        left = np.flatnonzero(~done)
        if len(left):
            known = None if seen is None else seen[left]
            rows[left], best[left] = self._scored_top(users[left], allowed, k, known)
        return rows, best

    def probabilities(
        self, users: IntArray, rows: IntArray
    ) -> tuple[npt.NDArray[np.float64], BoolArray]:
        """Return probabilities of answers that were made ahead, and which of them were.

        Args:
            users: `[num_users]`.
            rows: items `[num_users, k]`, -1 where there is none.
        """
        if self._ahead is None:
            return np.full(rows.shape, np.nan), np.zeros(rows.shape, dtype=np.bool_)
        return self._ahead.probabilities(users, rows)

    @property
    def _ahead(self) -> Prepared | None:
        """Answers made ahead, where they are chosen from the same items."""
        ahead = self.prepared
        return ahead if ahead is not None and ahead.num_items == len(self.in_target) else None

    def _scored_top(
        self, users: IntArray, allowed: BoolArray, k: int, seen: Any
    ) -> tuple[IntArray, FloatArray]:
        rows: IntArray = np.full((len(users), k), -1, dtype=np.int64)
        best: FloatArray = np.full((len(users), k), -np.inf, dtype=np.float32)
        out = np.flatnonzero(~allowed[self._pool])
        for block, scores in self._blocks(users):
            if len(out):
                scores[:, out] = -np.inf
            if seen is not None:
                scores[self._known(seen, block)] = -np.inf
            places = places_of_largest(scores, k)
            values = np.take_along_axis(scores, places, axis=1)
            order = np.argsort(-values, axis=1, kind="stable")
            values = np.take_along_axis(values, order, axis=1)
            items = self._pool[np.take_along_axis(places, order, axis=1)]
            best[block, : order.shape[1]] = values
            rows[block, : order.shape[1]] = np.where(values > -np.inf, items, -1)
        return rows, best

    def pairs(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return the scores of pairs of a user and an item of the domain, `[num_pairs]`."""
        scores = np.empty(len(users), dtype=np.float32)
        for _, rows, owner, found in self._asked(users):
            scores[rows] = found[owner, self._place[items[rows]]]
        return scores

    def ranked_pairs(
        self, users: IntArray, items: IntArray, seen: Any
    ) -> tuple[FloatArray, npt.NDArray[np.float64]]:
        """Return the scores of pairs and their ranks, `[num_pairs]` each.

        Args:
            users: rows.
            items: rows, of the domain.
            seen: what every user knows, CSR `[num_users, num_items]`.

        Returns:
            Scores, and ranks among the items of the domain that the user has not seen: 1 for the
            best, ties at the middle. An item that was seen has the rank it would have there.
        """
        scores = np.empty(len(users), dtype=np.float32)
        ranks = np.empty(len(users))
        for asked, rows, owner, found in self._asked(users):
            scores[rows] = found[owner, self._place[items[rows]]]
            found[self._known(seen, asked)] = np.nan
            places = mid_ranks(np.sort(-found, axis=1), -scores[rows], owner)
            ranks[rows] = np.maximum(places, 1.0)
        return scores, ranks

    def _asked(self, users: IntArray) -> Iterator[tuple[IntArray, IntArray, IntArray, FloatArray]]:
        """Yield users, rows of the pairs that ask for them, which user each, and all scores."""
        asked, owner = np.unique(users, return_inverse=True)
        order = np.argsort(owner, kind="stable")
        for block, found in self._blocks(asked):
            start, stop = np.searchsorted(owner[order], [block.start, block.stop])
            rows = order[start:stop]
            yield asked[block], rows, owner[rows] - block.start, found

    def _known(self, seen: Any, users: IntArray | slice) -> tuple[IntArray, IntArray]:
        """Return rows and columns of what users know of the pool."""
        known = seen[users]
        inside = self.in_target[known.indices]
        row = np.repeat(np.arange(known.shape[0]), np.diff(known.indptr))
        return row[inside], self._place[known.indices[inside]]

    def _blocks(self, users: IntArray) -> Iterator[tuple[slice, FloatArray]]:
        size = max(1, BLOCK_BYTES // (4 * max(1, len(self._pool))))
        for start in range(0, len(users), size):
            block = slice(start, min(start + size, len(users)))
            found = self.scorer.score(users[block], self._pool)
            yield block, np.round(found, DECIMALS, out=found)
