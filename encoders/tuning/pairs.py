"""Graph to pairs of texts that belong together: only from interactions that may be learned from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from encoders.base import FloatArray
from encoders.tuning.config import PairWeights
from encoders.tuning.interactions import (
    codes_of,
    collaborative_neighbours,
    counts_by_domain,
    interaction_matrix,
    log_shares,
    relations_of,
    some,
    unit_rows,
    usable_items,
)
from kg.errors import InputError
from kg.graph import BoolArray, KnowledgeGraph
from kg.vocab import IntArray

HISTORY = 10  # items in the text of a history
TITLE_WORDS = 8  # of each
NEIGHBOURS = 20  # nearest by interactions that are looked at


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Texts that belong together, and those that do not.

    Attributes:
        anchors: texts.
        candidates: the positive of each anchor, in order, then further negatives; of soft targets,
            none.
        known: which candidates are no negatives of an anchor, bool `[anchors, candidates]`.
        log_popularity: how often a candidate is drawn, float32 `[candidates]`.
        targets: how alike the anchors are, float32 `[anchors, anchors]`; None of pairs.
    """

    anchors: list[str]
    candidates: list[str]
    known: BoolArray
    log_popularity: FloatArray
    targets: FloatArray | None = None


class PairSource:
    """Draws batches of pairs from a graph.

    Users are drawn uniformly, and of what a user has, each item with `1 / sqrt(degree)`: else a
    few popular items would be in most pairs.

    Args:
        graph: a training graph. All of its interactions are used but those of `held_out`.
        texts: what the encoder reads of the nodes of each type, in row order.
        weights: of the kinds of pairs; a kind that the graph has no pairs of is left out.
        held_out: rows of items whose interactions are not used.
        near: rows of items near in text to each item, -1 for none, `[num_items, k]`.
        hard_negatives: of those, how many go with each pair.

    Raises:
        InputError: the graph has no pairs of any of the kinds.
    """

    def __init__(
        self,
        graph: KnowledgeGraph,
        texts: Mapping[str, Sequence[str]],
        weights: PairWeights,
        *,
        held_out: IntArray,
        near: IntArray | None = None,
        hard_negatives: int = 0,
    ) -> None:
        self.texts = texts[graph.item_type]
        self._codes = codes_of(self.texts)
        self.matrix = interaction_matrix(graph, usable_items(self.texts, held_out))
        self._of_item = self.matrix.T.tocsr()
        degrees = np.diff(self._of_item.indptr)
        self._weights = 1 / np.sqrt(np.maximum(degrees, 1))
        self._near, self._hard = near, hard_negatives if near is not None else 0
        self._warm = degrees > 0
        self._log_popularity = log_shares(self.matrix, self._weights)
        # An item of several domains counts in the first, one of none in a group of its own.
        domains = graph.items.domains
        self._domain = np.where(domains.any(axis=1), domains.argmax(axis=1), domains.shape[1])
        self._names = (*graph.domains, "none")
        self._counts = counts_by_domain(self.matrix, self._domain, domains.shape[1] + 1)
        self._relations = relations_of(graph, texts) if weights.knowledge else []
        self._neighbours = (
            collaborative_neighbours(self._of_item, NEIGHBOURS)
            if weights.neighbours
            else sparse.csr_matrix((len(graph.items), len(graph.items)))
        )
        available = {
            "items": (self._counts > 1).any(),
            "across": ((self._counts > 0).sum(axis=1) > 1).any(),
            "histories": (self._counts.sum(axis=1) > 1).any(),
            "knowledge": bool(self._relations),
            "neighbours": bool(np.diff(self._neighbours.indptr).any()),
        }
        self.kinds = {
            kind: float(getattr(weights, kind))
            for kind, there in available.items()
            if there and getattr(weights, kind) > 0
        }
        if not self.kinds:
            raise InputError("the training graph has no pairs of the kinds in tuning.pairs")

    def draw(self, size: int, rng: np.random.Generator) -> Batch:
        """Return a batch of one kind and, within it, of one domain or relation.

        Others of the same domain are harder negatives than those of another.
        """
        shares = np.array(list(self.kinds.values()))
        kind = list(self.kinds)[rng.choice(len(shares), p=shares / shares.sum())]
        batch: Batch = getattr(self, f"_{kind}_batch")(size, rng)
        return batch

    def _items_batch(self, size: int, rng: np.random.Generator) -> Batch:
        enough = self._counts > 1
        mass = np.where(enough, self._counts, 0).sum(axis=0)
        domain = rng.choice(len(mass), p=mass / mass.sum())
        pairs = []
        for user in some(np.flatnonzero(enough[:, domain]), size, rng):
            items = self._items(user, domain)
            pairs.append(self._pick(items, 2, rng))
        anchors, positives = np.array(pairs).T
        return self._of_items(anchors, positives, anchors, rng)

    def _across_batch(self, size: int, rng: np.random.Generator) -> Batch:
        present = self._counts > 0
        pairs = []
        for user in some(np.flatnonzero(present.sum(axis=1) > 1), size, rng):
            two = rng.choice(np.flatnonzero(present[user]), 2, replace=False)
            pairs.append([self._pick(self._items(user, domain), 1, rng)[0] for domain in two])
        anchors, positives = np.array(pairs).T
        return self._of_items(anchors, positives, positives, rng)

    def _histories_batch(self, size: int, rng: np.random.Generator) -> Batch:
        users = some(np.flatnonzero(self._counts.sum(axis=1) > 1), size, rng)
        histories, positives = [], []
        for user in users:
            items = self._items(user)
            positive = self._pick(items, 1, rng)[0]
            others = items[items != positive]
            domain = rng.choice(np.unique(self._domain[others]))
            read = rng.permutation(others[self._domain[others] == domain])[:HISTORY]
            titles = (" ".join(self.texts[item].split()[:TITLE_WORDS]) for item in read)
            histories.append(f"In {self._names[domain]}: {', '.join(titles)}")
            positives.append(positive)
        drawn = self._with_hard(np.array(positives), np.array(positives), rng)
        known = self.matrix[users][:, drawn].toarray() > 0
        return self._batch(histories, drawn, known, self._codes[drawn[: len(users)]])

    def _knowledge_batch(self, size: int, rng: np.random.Generator) -> Batch:
        mass = np.sqrt([relation.matrix.nnz for relation in self._relations])
        relation = self._relations[rng.choice(len(mass), p=mass / mass.sum())]
        edges = some(np.arange(relation.matrix.nnz), size, rng)
        heads = np.searchsorted(relation.matrix.indptr, edges, side="right") - 1
        tails = relation.matrix.indices[edges]
        known = relation.matrix[heads][:, tails].toarray() > 0
        codes = relation.codes[tails]
        degrees = np.bincount(relation.matrix.indices, minlength=relation.matrix.shape[1])
        return Batch(
            anchors=[relation.heads[row] for row in heads],
            candidates=[relation.tails[row] for row in tails],
            known=known | (codes[:, None] == codes[None, :]),
            log_popularity=np.log(degrees[tails] / degrees.sum()).astype(np.float32),
        )

    def _neighbours_batch(self, size: int, rng: np.random.Generator) -> Batch:
        """Draw items, some that are near each in text, and for all of them one that is alike.

        What is near in text and unlike in use is what the encoder has to learn.
        """
        table = self._neighbours
        known = np.diff(table.indptr) > 0
        mass = np.bincount(self._domain[known], minlength=len(self._names)).astype(np.float64)
        domain = rng.choice(len(mass), p=mass / mass.sum())
        of_domain = np.flatnonzero(known & (self._domain == domain))
        drawn = some(of_domain, max(1, size // (2 * (1 + self._hard))), rng)
        if self._near is not None and self._hard:
            near = [rng.permutation(self._near[item])[: self._hard] for item in drawn]
            drawn = np.unique(np.concatenate([drawn, *near]))
            drawn = drawn[(drawn >= 0) & known[drawn]]
        alike = [self._alike(table, item, rng) for item in drawn]
        rows = np.unique(np.concatenate([drawn, alike]))
        unit = unit_rows(self._of_item[rows])
        targets = (unit @ unit.T).toarray().astype(np.float32)
        same = self._codes[rows][:, None] == self._codes[rows][None, :]
        return Batch(
            anchors=[self.texts[row] for row in rows],
            candidates=[],
            known=np.zeros((len(rows), 0), dtype=np.bool_),
            log_popularity=np.zeros(0, dtype=np.float32),
            targets=np.where(same & ~np.eye(len(rows), dtype=np.bool_), 0, targets),
        )

    def _alike(self, table: sparse.csr_matrix, item: int, rng: np.random.Generator) -> int:
        found = slice(table.indptr[item], table.indptr[item + 1])
        cosines = table.data[found]
        return int(rng.choice(table.indices[found], p=cosines / cosines.sum()))

    def _of_items(
        self, anchors: IntArray, positives: IntArray, like: IntArray, rng: np.random.Generator
    ) -> Batch:
        drawn = self._with_hard(positives, like, rng)
        known = (self._of_item[anchors] @ self._of_item[drawn].T).toarray() > 0
        known |= self._codes[anchors][:, None] == self._codes[drawn][None, :]
        texts = [self.texts[row] for row in anchors]
        return self._batch(texts, drawn, known, self._codes[positives])

    def _batch(
        self, anchors: list[str], drawn: IntArray, known: BoolArray, positives: IntArray
    ) -> Batch:
        return Batch(
            anchors=anchors,
            candidates=[self.texts[row] for row in drawn],
            known=known | (positives[:, None] == self._codes[drawn][None, :]),
            log_popularity=self._log_popularity[drawn],
        )

    def _with_hard(self, positives: IntArray, like: IntArray, rng: np.random.Generator) -> IntArray:
        """Append negatives near in text to each of `like`.

        Only items that have interactions: that an item has none is what a split may hold out.
        """
        if self._near is None or not self._hard:
            return positives
        near = self._near[like].ravel()
        near = np.unique(near[near >= 0])
        near = near[self._warm[near]]
        return np.concatenate([positives, some(near, self._hard * len(positives), rng)])

    def _items(self, user: int, domain: int | None = None) -> IntArray:
        items: IntArray = self.matrix.indices[
            self.matrix.indptr[user] : self.matrix.indptr[user + 1]
        ]
        return items if domain is None else items[self._domain[items] == domain]

    def _pick(self, items: IntArray, count: int, rng: np.random.Generator) -> IntArray:
        weights = self._weights[items]
        chosen: IntArray = rng.choice(items, count, replace=False, p=weights / weights.sum())
        return chosen
