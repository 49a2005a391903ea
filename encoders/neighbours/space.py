"""Where items lie by their texts, and which are near each other there."""

from collections.abc import Sequence
from copy import copy

import numpy as np
from scipy import sparse

from encoders.base import FloatArray
from encoders.neighbours.approximate import approximate_neighbours, wants_approximate
from encoders.neighbours.edges import Neighbours, TextEdgeConfig
from encoders.neighbours.exact import STEPS, Words, nearest_neighbours
from encoders.neighbours.lexical import Lexicon
from kg.graph import BoolArray
from kg.vocab import IntArray


class TextSpace:
    """Where items lie by their texts: vectors of an encoder and words.

    Similarity is a weighted mean of two cosines. Names and rare words are what an encoder blurs and
    TF-IDF keeps; together they find neighbours whose users fit better than either does alone.

    Args:
        vectors: `[num_items, dim]`, L2-normalised; a zero row has no neighbours.
        texts: of the items, for `lexical`; None for the vectors alone.
        config: how to choose.
    """

    def __init__(
        self, vectors: FloatArray, texts: Sequence[str] | None, config: TextEdgeConfig
    ) -> None:
        self.vectors, self.config = vectors, config
        self.words: sparse.csr_matrix | None = None
        self._lexicon: Lexicon | None = None
        if texts is not None and config.lexical:
            self._lexicon = Lexicon(texts)
            self.words = self._lexicon.vectors

    def with_more(self, vectors: FloatArray, texts: Sequence[str]) -> "TextSpace":
        """Return the space with more items behind its own, from whom no weight is learned.

        Args:
            vectors: `[num_more, dim]`.
            texts: of them.
        """
        larger = copy(self)
        larger.vectors = np.concatenate([self.vectors, vectors])
        if self.words is not None and self._lexicon is not None:
            parts = [self.words, self._lexicon.transform(texts)]
            larger.words = sparse.vstack(parts, format="csr")
        return larger

    def within(self, domains: BoolArray, warm: BoolArray, asking: int = 0) -> Neighbours:
        """Return the nearest warm items of each item's own domains.

        Args:
            domains: bool `[num_items, num_domains]`.
            warm: items that may be neighbours, bool `[num_items]`: the others have nothing to lend.
            asking: the first item that neighbours are searched for; those before have none.
        """
        return self._found(domains, domains & warm[:, None], self.config.k, asking)

    def across(self, domains: BoolArray, warm: BoolArray, asking: int = 0) -> Neighbours:
        """Return the nearest warm items of the domains that an item is not in."""
        return self._found(domains, ~domains & warm[:, None], self.config.across, asking)

    def _found(self, domains: BoolArray, lenders: BoolArray, k: int, asking: int) -> Neighbours:
        """Search each domain's items among its lenders, both bool `[num_items, num_domains]`."""
        parts = [
            self._nearest(np.flatnonzero(inside), np.flatnonzero(lending), k, asking)
            for inside, lending in zip(domains.T, lenders.T, strict=True)
        ]
        return self._merged([part for part in parts if part is not None], k)

    def _nearest(
        self, inside: IntArray, keys: IntArray, k: int, asking: int
    ) -> tuple[IntArray, IntArray, FloatArray] | None:
        """Return items, and rows and similarities `[len(items), k]` of their neighbours."""
        items = inside[inside >= asking]
        if not (len(items) and len(keys) and k):
            return None
        # one more, because a warm item finds itself first
        rows, near = self._search(items, keys, min(k + 1, len(keys)))
        if self.config.reciprocal and asking:
            rivals = inside[inside < asking]
            near = np.where(self._chosen_over(rivals, keys, rows, near, k + 1), near, 0)
        elif self.config.reciprocal:
            chosen = self._search(keys, items, min(k + 1, len(items)))[0]
            near = np.where(_chooses(chosen, rows), near, 0)
        rows = np.where(rows >= 0, keys[rows], -1)
        near = np.where((rows >= 0) & (rows != items[:, None]), near, 0)
        near = np.where(near >= self.config.threshold, near, 0)
        order = _best_first(near)[:, :k]
        near = np.take_along_axis(near, order, axis=1)
        rows = np.where(near > 0, np.take_along_axis(rows, order, axis=1), -1)
        return items, rows, np.maximum(near, 0)

    def _chosen_over(
        self, rivals: IntArray, keys: IntArray, rows: IntArray, near: FloatArray, k: int
    ) -> BoolArray:
        """Return which neighbours would choose the item too, had they it to choose from."""
        asked = np.unique(rows[rows >= 0])
        least: FloatArray = np.zeros(len(keys), dtype=np.float32)
        if len(rivals) >= k:
            least[asked] = self._search(keys[asked], rivals, k)[1][:, -1]
        return np.asarray(np.round(near * STEPS) > np.round(least[np.maximum(rows, 0)] * STEPS))

    def _search(self, queries: IntArray, keys: IntArray, k: int) -> tuple[IntArray, FloatArray]:
        left, right = self.vectors[queries], self.vectors[keys]
        words = None
        if self.words is not None:
            words = Words(self.words[queries], self.words[keys], self.config.lexical)
        if wants_approximate(self.config.search, len(queries), len(keys)):
            return approximate_neighbours(left, right, k, words=words)
        return nearest_neighbours(left, right, k, words=words)

    def _merged(self, parts: Sequence[tuple[IntArray, IntArray, FloatArray]], k: int) -> Neighbours:
        """Return one table; an item of several domains keeps the best of all of them."""
        num_items = len(self.vectors)
        rows: IntArray = np.full((num_items, k), -1, dtype=np.int64)
        similarity: FloatArray = np.zeros((num_items, k), dtype=np.float32)
        for items, found, near in parts:
            both = np.concatenate([rows[items], found], axis=1)
            level = np.concatenate([similarity[items], near], axis=1)
            # the same neighbour twice, when both items are in several domains: the first stays
            by_row = np.argsort(both, axis=1, kind="stable")
            ordered = np.take_along_axis(both, by_row, axis=1)
            again = np.zeros_like(ordered, dtype=np.bool_)
            again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
            level[np.arange(len(items))[:, None], by_row] *= ~again
            best = _best_first(level)[:, :k]
            similarity[items] = np.take_along_axis(level, best, axis=1)
            kept = np.take_along_axis(both, best, axis=1)
            rows[items] = np.where(similarity[items] > 0, kept, -1)
        return Neighbours(rows=rows, similarity=similarity)


def _best_first(similarity: FloatArray) -> IntArray:
    """Return columns by falling similarity; what differs by rounding alone keeps its order."""
    return np.argsort(-np.round(similarity * STEPS), axis=1, kind="stable")


def _chooses(chosen: IntArray, rows: IntArray) -> BoolArray:
    """Return which neighbours chose the query back, bool of the shape of `rows`.

    Args:
        chosen: queries that each key would choose, `[num_keys, k]`, -1 for none.
        rows: keys that each query chose, `[num_queries, k]`, -1 for none.
    """
    num_queries = len(rows)
    keys = np.repeat(np.arange(len(chosen)), chosen.shape[1])
    pairs = np.unique((keys * (num_queries + 1) + chosen.ravel() + 1)[chosen.ravel() >= 0])
    wanted = rows * (num_queries + 1) + np.arange(num_queries)[:, None] + 1
    return np.asarray((rows >= 0) & np.isin(wanted, pairs))
