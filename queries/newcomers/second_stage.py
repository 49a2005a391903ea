"""The second stage for newcomers: signals that were learned without them, asked for their rows."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from kg.graph import FloatArray
from kg.vocab import IntArray
from queries.newcomers.ground import Ground
from training.baselines.base import Scorer
from training.baselines.matrices import Sparse
from training.bundle import Bundle
from training.evaluation.split import Split
from training.ranking.people import People
from training.ranking.second_stage import TwoStageScorer
from training.ranking.weighing import Said


@dataclass(frozen=True, kw_only=True, eq=False)
class GrownBundle(Bundle):
    """A model with rows of newcomers.

    Attributes:
        ground: the model without them.
    """

    ground: Ground

    def _ranking_scorer(self, split: Split, name: str) -> Scorer:
        """Return what ranks items of the target; of those that were there it says what it said."""
        if self.second_stage is None:
            return super()._ranking_scorer(split, name)
        return GrownScorer(name, self, split)


class GrownScorer:
    """Scores by the second stage (`training.baselines.base.Scorer`).

    Args:
        name: as shown in reports.
        bundle: with newcomers.
        split: with newcomers in its `train`.
    """

    def __init__(self, name: str, bundle: GrownBundle, split: Split) -> None:
        self.name, self._bundle, self._split = name, bundle, split
        self._ground = bundle.ground

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`."""
        first = self._ground.counts[self._split.train.user_type]
        if (users < first).all():
            return self._ground.scorer.score(users, items)
        scores = np.empty((len(users), len(items)), dtype=np.float32)
        old = users < first
        if old.any():
            scores[old] = self._ground.scorer.score(users[old], items)
        scores[~old] = self._people.score(users[~old] - first, items)
        return scores

    @property
    def learned(self) -> TwoStageScorer:
        """The second stage without newcomers."""
        scorer: TwoStageScorer = self._ground.scorer
        return scorer

    def said(self, users: IntArray, items: IntArray) -> Iterator[tuple[str, Said]]:
        """Yield the signals of old users, or of new ones, with old items, not scaled."""
        first = self._ground.counts[self._split.train.user_type]
        if (users < first).all():
            return self.learned.signals.said(users, items)
        return self._people.signals.said(users - first, items)

    @cached_property
    def _people(self) -> TwoStageScorer:
        """The same weights on the signals of new users."""
        train, scorer = self._split.train, self._ground.scorer
        first = self._ground.counts[train.user_type]
        people = People.of(scorer.world, self._used(), self._bundle.z[train.user_type][first:])
        asked = replace(scorer)
        asked.signals = scorer.signals.asked_by(people)
        return asked

    def _used(self) -> Sparse:
        """Return what new users used of the items that were there, 0/1 CSR."""
        from scipy.sparse import csr_array

        train, counts = self._split.train, self._ground.counts
        first, num_items = counts[train.user_type], counts[train.item_type]
        edges = train.interaction_edges
        kept = (edges.src >= first) & (edges.dst < num_items)
        ones = np.ones(int(kept.sum()), dtype=np.float32)
        shape = (len(train.users) - first, num_items)
        return csr_array((ones, (edges.src[kept] - first, edges.dst[kept])), shape=shape)
