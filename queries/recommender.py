"""A trained model that answers: raw ids in, raw ids and scores out."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import sparse

from kg.errors import InputError, nearest
from kg.graph import BoolArray, FloatArray, KnowledgeGraph
from kg.vocab import IntArray
from queries.candidates import pair_scores, top_k, unit_rows
from queries.explaining.finder import PathFinder
from queries.explaining.path import Path as Why
from queries.opened import check_bundle, open_run
from queries.probabilities import Probabilities, Probability
from queries.second_stage import TargetRanking
from training.bundle import Bundle
from training.evaluation.split import Split

Ids = npt.NDArray[np.object_]  # of str


class Recommender:
    """Answers of one trained model: `recommend`, `similar`, `score`, `explain`, `title`.

    A single id gives one-dimensional answers, a sequence of ids gives two-dimensional ones, always
    as a pair `(ids, scores)`, best first.

    Args:
        graph: the imported graph.
        bundle: the model that was trained on it.
        split: what was held out; None if the model was trained on the whole graph.
        device: None for NumPy, or a torch device such as `"cuda"`.

    Raises:
        ArtefactError: the model has another shape than the graph, or holds NaN.
    """

    def __init__(
        self,
        graph: KnowledgeGraph,
        bundle: Bundle,
        *,
        split: Split | None = None,
        device: str | None = None,
    ) -> None:
        check_bundle(bundle, graph)
        self.graph = graph
        # The graph holds the held-out interactions too. The model has not seen them, so they must
        # stay recommendable.
        self.train = graph if split is None else split.train
        self.split = split
        self.device = device
        self._bundle = bundle
        self._z = bundle.z
        self._bias = bundle.item_bias
        self._units: dict[str, FloatArray] = {}
        self._ranking: TargetRanking | None = None
        if split is not None and bundle.second_stage is not None:
            target = graph.item_mask(split.target)
            self._ranking = TargetRanking(bundle.ranking_scorer(split), target)

    @property
    def about(self) -> Mapping[str, Any]:
        """What is known of the model: job, protocol, versions."""
        return self._bundle.about

    @classmethod
    def open(
        cls, run: Path | str, protocol: str | None = None, *, device: str | None = None
    ) -> "Recommender":
        """Open the model of a run.

        Args:
            run: the run folder.
            protocol: which of its models; the first one by default.
            device: None for NumPy, or a torch device such as `"cuda"`.

        Raises:
            ArtefactError: no such run or model, or one that is damaged.
            FingerprintError: the model was made with another graph.
            InputError: the run has no model of that protocol; names those it has.
        """
        opened = open_run(Path(run), protocol)
        return cls(opened.graph, opened.bundle, split=opened.split, device=device)

    def recommend(
        self,
        user_ids: str | Sequence[str],
        *,
        domain: str,
        k: int = 10,
        exclude_seen: bool = True,
        exclude: Sequence[str] = (),
        allow: Sequence[str] | None = None,
        min_probability: float | None = None,
    ) -> tuple[Ids, FloatArray]:
        """Return the k best items of a domain for one user or for many.

        Items of the domain that the model was trained for are ordered by its second stage, those of
        other domains by the embeddings. A user without any interaction gets what is popular.

        Args:
            user_ids: one id, or a sequence of ids.
            domain: where items are taken from.
            k: how many.
            exclude_seen: leave out what the user interacted with in the graph the model was
                trained on.
            exclude: items that nobody gets.
            allow: the only items that anybody gets; None for all.
            min_probability: leave out what a user is less likely to interact with, and what the
                model has no probability for; only for the domain that the model was trained for.

        Returns:
            Ids and scores `[k]` for one user, shorter where fewer items are left; `[num_users, k]`
            for many, where missing ids are `""` with score `-inf`.

        Raises:
            UnknownIdError: a user or item is unknown.
            InputError: unknown domain, `k` is not positive, or probabilities are asked of a model
                or domain that has none.
        """
        if min_probability is not None:
            self._probabilities.check_domain(domain)
        users = self.graph.users.vocab.index(_batch(user_ids))
        mask = self.graph.item_mask(domain)
        if allow is not None:
            mask &= self._item_set(allow)
        if exclude:
            mask &= ~self._item_set(exclude)
        seen = self.seen[users] if exclude_seen else None
        if self._ranking is not None and self.split is not None and domain == self.split.target:
            rows, scores = self._ranking.top(users, mask, k=k, seen=seen)
        else:
            rows, scores = top_k(
                self._z[self.graph.user_type][users],
                self._z[self.graph.item_type],
                self._bias,
                np.flatnonzero(mask),
                k=k,
                seen=seen,
                device=self.device,
            )
        if min_probability is not None:
            there = rows >= 0
            owners = np.repeat(users, there.sum(axis=1))
            likely = self._probabilities.of_pairs(owners, rows[there], self.seen)
            there[there] = ~(likely >= min_probability)  # NaN, where none is known, is not enough
            rows[there], scores[there] = -1, -np.inf
        return self._answer(self.graph.item_type, rows, scores, isinstance(user_ids, str))

    def similar(
        self,
        node_ids: str | Sequence[str],
        *,
        node_type: str | None = None,
        domain: str | None = None,
        k: int = 10,
    ) -> tuple[Ids, FloatArray]:
        """Return the nodes of the same type with the nearest embeddings, by cosine.

        Args:
            node_ids: one id, or a sequence of ids; a node is never its own answer.
            node_type: type of the nodes, items by default.
            domain: where answers are taken from; everywhere by default.
            k: how many.

        Returns:
            Ids and cosines, shaped as those of `recommend`.

        Raises:
            UnknownIdError: a node is unknown.
            InputError: unknown node type or domain, or `k` is not positive.
        """
        node_type = self._node_type(node_type)
        nodes = self.graph.nodes[node_type]
        rows = nodes.vocab.index(_batch(node_ids))
        unit = self._unit(node_type)
        if domain is None:
            allowed = np.arange(len(nodes))
        else:
            allowed = np.flatnonzero(nodes.domains[:, self.graph.domain_index(domain)])
        itself = sparse.csr_array(
            (np.ones(len(rows), np.int8), rows, np.arange(len(rows) + 1)),
            shape=(len(rows), len(nodes)),
        )
        nothing = np.zeros(len(nodes), dtype=np.float32)
        found, cosines = top_k(
            unit[rows], unit, nothing, allowed, k=k, seen=itself, device=self.device
        )
        return self._answer(node_type, found, cosines, isinstance(node_ids, str))

    def score(self, user_ids: Sequence[str], item_ids: Sequence[str]) -> FloatArray:
        """Return the score of each pair; a logit, higher is better.

        Args:
            user_ids: `[num_pairs]`.
            item_ids: `[num_pairs]`.

        Returns:
            float32 `[num_pairs]`, the same numbers that `recommend` gives.

        Raises:
            UnknownIdError: a user or item is unknown.
            InputError: not as many users as items.
        """
        return self.score_rows(*self._pairs(user_ids, item_ids))

    def probability(self, user_ids: Sequence[str], item_ids: Sequence[str]) -> Probability:
        """Return how likely the user of each pair is to interact with its item.

        Args:
            user_ids: `[num_pairs]`.
            item_ids: `[num_pairs]`, of the domain that the model was trained for.

        Returns:
            float64 `[num_pairs]`, from 0 to 1; NaN for items unlike those it was fitted on: of
            `item-cold` those with training interactions, of other protocols those without.

        Raises:
            UnknownIdError: a user or item is unknown.
            InputError: not as many users as items, an item of another domain, or a model without
                calibration.
        """
        return self._probabilities.of_pairs(*self._pairs(user_ids, item_ids), self.seen)

    def score_rows(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return the scores of pairs of rows, `[num_pairs]`."""
        scores = pair_scores(
            self._z[self.graph.user_type], self._z[self.graph.item_type], self._bias, users, items
        )
        if self._ranking is not None:
            ranked = self._ranking.in_target[items]
            scores[ranked] = self._ranking.pairs(users[ranked], items[ranked])
        return scores

    def explain(self, user_id: str, item_id: str, *, limit: int = 10) -> list[Why]:
        """Return the best `limit` paths of each kind from a user to an item, best first.

        Raises:
            UnknownIdError: the user or the item is unknown.
        """
        return self._finder.paths(*self._rows(user_id, item_id), limit=limit)

    def nearest_seen(self, user_id: str, item_id: str) -> tuple[str, float] | None:
        """Return what the user has seen that is nearest to an item, and its cosine."""
        found = self._finder.nearest(*self._rows(user_id, item_id))
        return None if found is None else (self.graph.items.vocab.id(found[0]), found[1])

    def title(self, node_id: str, node_type: str | None = None) -> str:
        """Return what people call a node, its id where that is unknown; an item by default."""
        return self.titles([node_id], node_type)[0]

    def titles(self, node_ids: Sequence[str], node_type: str | None = None) -> list[str]:
        """Return the titles of many nodes; `""` (padding) stays `""`."""
        nodes = self.graph.nodes[self._node_type(node_type)]
        ids = [str(node_id) for node_id in node_ids]
        titles = [""] * len(ids)
        named = [place for place, node_id in enumerate(ids) if node_id]
        rows = nodes.vocab.index([ids[place] for place in named])
        for place, title in zip(named, nodes.title.take(pa.array(rows)).to_pylist(), strict=True):
            titles[place] = title or ids[place]
        return titles

    @cached_property
    def _finder(self) -> PathFinder:
        return PathFinder(self.train, self._z[self.graph.item_type])

    @cached_property
    def seen(self) -> Any:
        """What each user interacted with in training, by weight; CSR `[num_users, num_items]`."""
        edges = self.train.interaction_edges
        return sparse.csr_array(
            (edges.weight, (edges.src, edges.dst)),
            shape=(len(self.graph.users), len(self.graph.items)),
        )

    @cached_property
    def _probabilities(self) -> Probabilities:
        return Probabilities(self.graph, self._bundle, self.split, self._ranking)

    def _pairs(self, user_ids: Sequence[str], item_ids: Sequence[str]) -> tuple[IntArray, IntArray]:
        if isinstance(user_ids, str) or isinstance(item_ids, str) or len(user_ids) != len(item_ids):
            raise InputError("score needs as many users as items, in two sequences")
        return self.graph.users.vocab.index(user_ids), self.graph.items.vocab.index(item_ids)

    def _rows(self, user_id: str, item_id: str) -> tuple[int, int]:
        user, item = (
            self.graph.users.vocab.index([user_id]),
            self.graph.items.vocab.index([item_id]),
        )
        return int(user[0]), int(item[0])

    def _item_set(self, item_ids: Sequence[str]) -> BoolArray:
        mask: BoolArray = np.zeros(len(self.graph.items), dtype=np.bool_)
        mask[self.graph.items.vocab.index(_batch(item_ids))] = True
        return mask

    def _node_type(self, node_type: str | None) -> str:
        if node_type is None:
            return self.graph.item_type
        if node_type not in self.graph.nodes:
            known = ", ".join(self.graph.nodes)
            hint = nearest(node_type, self.graph.nodes)
            raise InputError(f"unknown node type {node_type!r}{hint} (types: {known})")
        return node_type

    def _unit(self, node_type: str) -> FloatArray:
        if node_type not in self._units:
            self._units[node_type] = unit_rows(self._z[node_type])
        return self._units[node_type]

    def _answer(
        self, node_type: str, rows: IntArray, scores: FloatArray, single: bool
    ) -> tuple[Ids, FloatArray]:
        """Turn rows into ids: padded for a batch, cut for a single query."""
        ids: Ids = np.full(rows.shape, "", dtype=object)
        ids[rows >= 0] = self.graph.nodes[node_type].vocab.to_ids(rows[rows >= 0])
        if not single:
            return ids, scores
        left = rows[0] >= 0
        return ids[0][left], scores[0][left]


def _batch(ids: str | Sequence[str]) -> list[str]:
    return [ids] if isinstance(ids, str) else [str(node_id) for node_id in ids]
