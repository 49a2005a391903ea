"""Answers of one trained model by row: what is best, how good it is, how likely, what is near."""

import hashlib
import json
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from kg.graph import BoolArray, FloatArray, KnowledgeGraph
from kg.vocab import IntArray
from queries.allowed import Allowed
from queries.candidates import pair_scores, top_k, unit_rows
from queries.explaining.explainer import Explainer
from queries.filters import Filters
from queries.index.files import COSINES, SCORES, Asked, Indexes
from queries.opened import check_bundle
from queries.prepared import Prepared
from queries.probabilities import Probabilities, Probability
from queries.reorder import keep, reorder
from queries.second_stage import TargetRanking
from training.bundle import Bundle
from training.evaluation.split import Split


class Engine:
    """What `queries.recommender.Recommender` asks; rows of the graph in, rows out.

    Args:
        graph: the imported graph.
        bundle: the model that was trained on it.
        split: what was held out; None if the model was trained on the whole graph.
        device: None for NumPy, or a torch device such as `"cuda"`.

    Raises:
        ArtefactError: the model has another shape than the graph, or holds NaN.
    """

    def __init__(
        self, graph: KnowledgeGraph, bundle: Bundle, split: Split | None, device: str | None
    ) -> None:
        check_bundle(bundle, graph)
        self.graph, self.bundle, self.split, self.device = graph, bundle, split, device
        # The graph holds the held-out interactions too. The model has not seen them, so they must
        # stay recommendable.
        self.train = graph if split is None else split.train
        self.user_z, self.item_z = bundle.z[graph.user_type], bundle.z[graph.item_type]
        self.ranking: TargetRanking | None = None
        if split is not None and bundle.second_stage is not None:
            target = graph.item_mask(split.target)
            self.ranking = TargetRanking(bundle.ranking_scorer(split), target)
        self.indexes: Indexes | None = None  # of very many nodes, where there are any
        self._units: dict[str, FloatArray] = {}

    @property
    def target(self) -> str | None:
        """The domain that the model was trained for; None if that was the whole graph."""
        return None if self.split is None else self.split.target

    def use(self, prepared: Prepared | None) -> None:
        """Look answers of the target up where they were made ahead."""
        if self.ranking is not None:
            self.ranking.prepared = prepared

    def recommend(
        self, users: IntArray, domain: str, k: int, filters: Filters
    ) -> tuple[IntArray, FloatArray]:
        """Return items and scores `[num_users, k]`, best first; -1 and `-inf` where none is left.

        Raises:
            UnknownIdError: an item that filters name is unknown.
            InputError: unknown domain, conditions that items cannot meet, or no probabilities.
        """
        allowed, hidden = self._allowed.items(domain, filters), self._allowed.hidden(users, filters)
        least = filters.min_probability
        if least is not None:
            self.probabilities.check_domain(domain)
            allowed &= self.probabilities.judged
        pool = min(max(k, filters.pool), len(self.graph.items)) if filters.reorders else k
        rows, scores = self._best(users, domain, allowed, hidden, pool)
        if least is not None:
            rows, scores = keep(rows, scores, self.likely(users, rows) >= least)
        if filters.reorders:
            return reorder(
                rows,
                scores,
                k=k,
                diversity=filters.diversity,
                popularity_weight=filters.popularity_weight,
                log_popularity=self._log_popularity,
                vectors=self.unit(self.graph.item_type),
            )
        return rows, scores

    def _best(
        self, users: IntArray, domain: str, allowed: BoolArray, hidden: Any, k: int
    ) -> tuple[IntArray, FloatArray]:
        if self.ranking is not None and domain == self.target:
            return self.ranking.top(users, allowed, k=k, seen=hidden)
        bias = self.bundle.item_bias
        asked = Asked(SCORES, self.graph.item_type, domain)
        return self._nearest(asked, self.user_z[users], self.item_z, bias, allowed, hidden, k)

    def _nearest(
        self,
        asked: Asked,
        queries: FloatArray,
        vectors: FloatArray,
        bias: FloatArray,
        allowed: BoolArray,
        hidden: Any,
        k: int,
    ) -> tuple[IntArray, FloatArray]:
        """Search an index where there is one, or else all that is allowed."""
        index = None if self.indexes is None or self.device else self.indexes.of(asked)
        if index is not None:
            return index.top_k(queries, vectors, bias, allowed, k=k, seen=hidden)
        candidates = np.flatnonzero(allowed)
        return top_k(queries, vectors, bias, candidates, k=k, seen=hidden, device=self.device)

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return the scores of pairs, `[num_pairs]`."""
        scores = pair_scores(self.user_z, self.item_z, self.bundle.item_bias, users, items)
        if self.ranking is not None:
            ranked = self.ranking.in_target[items]
            scores[ranked] = self.ranking.pairs(users[ranked], items[ranked])
        return scores

    @property
    def calibrated(self) -> bool:
        """Whether the model has probabilities for items of its target."""
        return self.bundle.calibration is not None and self.split is not None

    def likely(self, users: IntArray, rows: IntArray) -> Probability:
        """Return the probabilities of answers, `[num_users, k]`; NaN for padding.

        Args:
            users: `[num_users]`.
            rows: items of the target `[num_users, k]`, -1 where there is none.
        """
        found = np.full(rows.shape, np.nan)
        there = rows >= 0
        if self.ranking is not None:
            found, known = self.ranking.probabilities(users, rows)
            there &= ~known
        found[there] = self.likely_pairs(np.repeat(users, there.sum(axis=1)), rows[there])
        return found

    def likely_pairs(self, users: IntArray, items: IntArray) -> Probability:
        """Return the probabilities of pairs, `[num_pairs]`; NaN for items that have none."""
        return self.probabilities.of_pairs(users, items, self.seen)

    def similar(
        self, node_type: str, rows: IntArray, domain: str | None, k: int
    ) -> tuple[IntArray, FloatArray]:
        """Return the nearest nodes of the same type and their cosines, `[num_nodes, k]`.

        Raises:
            InputError: unknown domain.
        """
        nodes, unit = self.graph.nodes[node_type], self.unit(node_type)
        allowed = np.ones(len(nodes), dtype=np.bool_)
        if domain is not None:
            allowed = nodes.domains[:, self.graph.domain_index(domain)]
        itself = sparse.csr_array(
            (np.ones(len(rows), np.int8), rows, np.arange(len(rows) + 1)),
            shape=(len(rows), len(nodes)),
        )
        nothing = np.zeros(len(nodes), dtype=np.float32)
        asked = Asked(COSINES, node_type, domain or "")
        return self._nearest(asked, unit[rows], unit, nothing, allowed, itself, k)

    def nearest_seen(self, user: int, item: int) -> tuple[int, float] | None:
        """Return which of the user's items is nearest to an item, and its cosine."""
        seen = self.seen[[user]].indices
        seen = seen[seen != item]
        if not len(seen):
            return None
        unit = self.unit(self.graph.item_type)
        cosines = unit[seen] @ unit[item]
        best = int(cosines.argmax())
        return int(seen[best]), float(cosines[best])

    def unit(self, node_type: str) -> FloatArray:
        """Return the embeddings of a node type, rows of length one."""
        if node_type not in self._units:
            self._units[node_type] = unit_rows(self.bundle.z[node_type])
        return self._units[node_type]

    @cached_property
    def seen(self) -> Any:
        """What each user interacted with in training, by weight; CSR `[num_users, num_items]`."""
        edges = self.train.interaction_edges
        return sparse.csr_array(
            (edges.weight, (edges.src, edges.dst)),
            shape=(len(self.graph.users), len(self.graph.items)),
        )

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the graph and the model: two with the same one give the same answers."""
        stage = self.bundle.second_stage
        weights = None if stage is None else stage.ranker.to_json()
        about = [self.graph.fingerprint, self.train.fingerprint, dict(self.bundle.about), weights]
        digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
        for array in (self.user_z, self.item_z, self.bundle.item_bias):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    @cached_property
    def probabilities(self) -> Probabilities:
        """What makes probabilities of scores.

        Raises:
            InputError: the model has none.
        """
        return Probabilities(self.graph, self.bundle, self.split, self.ranking)

    @cached_property
    def explainer(self) -> Explainer:
        """What divides scores among their reasons."""
        return Explainer(self.train, self.bundle, self.ranking)

    @cached_property
    def _allowed(self) -> Allowed:
        return Allowed(self.graph, self.seen)

    @cached_property
    def _log_popularity(self) -> FloatArray:
        edges, learned = self.train.interaction_edges, self.bundle.num_learned
        items = edges.dst if learned is None else edges.dst[edges.src < learned]
        used = np.bincount(items, minlength=len(self.graph.items))
        return np.log1p(used).astype(np.float32)
