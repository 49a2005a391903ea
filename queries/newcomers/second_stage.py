"""The second stage for newcomers: what was learned without them, asked for their rows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from kg.graph import FloatArray
from kg.vocab import IntArray
from queries.newcomers.ground import Ground
from queries.newcomers.joined import joined_to
from training.baselines.base import Scorer
from training.baselines.matrices import Sparse, over_deviation
from training.bundle import Bundle
from training.evaluation.split import Split
from training.ranking.fitted import Array
from training.ranking.new_items import NewItems
from training.ranking.people import People
from training.ranking.second_stage import HELD, SCORED_BYTES, TwoStageScorer
from training.ranking.signals import Signals
from training.ranking.weighing import (
    Said,
    add_in_units,
    add_weighed,
    dense,
    deviations_of,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class GrownBundle(Bundle):
    """A model with rows of newcomers.

    Attributes:
        ground: the model without them.
        tastes: items that new users are taken to like by what they say, 0/1 CSR
            `[num_new_users, num_items]`; items that were there.
    """

    ground: Ground
    tastes: Sparse

    def _ranking_scorer(self, split: Split, name: str) -> Scorer:
        """Return what ranks items of the target; of those that were there it says what it said."""
        if self.second_stage is None:
            return super()._ranking_scorer(split, name)
        scorer = self.ground.scorer
        signals = GrownSignals(scorer, self, split)
        return GrownScorer(
            name=name,
            world=scorer.world,
            ranker=scorer.ranker,
            seed=scorer.seed,
            kept=scorer.kept,
            grown=signals,
        )


class GrownSignals:
    """Signals of a world for everybody: for newcomers too, of whom it knows nothing.

    Args:
        scorer: the second stage, which knows nobody new.
        bundle: with newcomers.
        split: with newcomers in its `train`.
    """

    def __init__(self, scorer: TwoStageScorer, bundle: GrownBundle, split: Split) -> None:
        train, counts = split.train, bundle.ground.counts
        self.protocol = split.protocol
        self._scorer, self._bundle, self._train = scorer, bundle, train
        self.first_user, self.first_item = counts[train.user_type], counts[train.item_type]

    @property
    def kept(self) -> Mapping[str, Array]:
        """What took long to make, by name."""
        return self._scorer.signals.kept

    def names(self) -> tuple[str, ...]:
        """Return what the signals are called, in their order."""
        return self._scorer.signals.names()

    def __call__(self, users: IntArray, items: IntArray) -> dict[str, FloatArray]:
        """Return signals by name, `[len(users), len(items)]`, in units of known items.

        Where only new items are asked for, in units of these.
        """
        old = items < self.first_item
        found = {}
        for name, said in self.said(users, items):
            values = dense(said, len(users))
            if old.all() or not old.any():
                found[name] = over_deviation(values)
                continue
            unit = deviations_of(np.ascontiguousarray(values[:, old]))
            found[name] = np.where(unit > 0, values / np.where(unit > 0, unit, 1), 0)
        return found

    def said(self, users: IntArray, items: IntArray) -> Iterator[tuple[str, Said]]:
        """Yield signals by name, not scaled; whoever takes one may overwrite it."""
        parts = [(mask, *self.of(users[mask])) for mask in self.kinds(users)]
        old = items < self.first_item
        if len(parts) == 1 and old.all():
            yield from parts[0][1].said(parts[0][2], items)
            return
        streams = [signals.said(rows, items[old]) for _, signals, rows in parts]
        later = [self.said_of_new(signals, rows, items[~old]) for _, signals, rows in parts]
        for each in zip(*streams, *later, strict=True):
            whole = np.empty((len(users), len(items)), dtype=np.float32)
            for (mask, _, rows), (_, said), (_, more) in zip(
                parts, each[: len(parts)], each[len(parts) :], strict=True
            ):
                whole[np.ix_(mask, np.flatnonzero(old))] = dense(said, len(rows))
                whole[np.ix_(mask, np.flatnonzero(~old))] = dense(more, len(rows))
            yield each[0][0], whole

    def said_of_new(
        self, signals: Signals, rows: IntArray, items: IntArray
    ) -> Iterator[tuple[str, Said]]:
        """Yield signals by name of new items, not scaled."""
        for name, said in signals.said_of(rows, self._columns):
            yield name, said[:, items - self.first_item]

    def kinds(self, users: IntArray) -> list[IntArray]:
        """Return the places of users that were there, and of new ones, as far as there are any."""
        new = users >= self.first_user
        found = [places for places in (np.flatnonzero(~new), np.flatnonzero(new)) if len(places)]
        return found or [np.zeros(0, dtype=np.int64)]

    def of(self, users: IntArray) -> tuple[Signals, IntArray]:
        """Return the signals of users that all were there or all are new, and their rows."""
        if len(users) and users[0] >= self.first_user:
            return self._people, users - self.first_user
        return self._scorer.signals, users

    @cached_property
    def _people(self) -> Signals:
        world, train = self._scorer.world, self._train
        z = self._bundle.z[train.user_type][self.first_user :]
        return self._scorer.signals.asked_by(People.of(world, self.used, z))

    @cached_property
    def used(self) -> Sparse:
        """What new users used, or are taken to like, of known items, 0/1 CSR."""
        used = self._used() + self._bundle.tastes
        used.data[:] = 1
        return used

    def _used(self) -> Sparse:
        """Return what new users used of the items that were there, 0/1 CSR."""
        from scipy.sparse import csr_array

        edges = self._train.interaction_edges
        kept = (edges.src >= self.first_user) & (edges.dst < self.first_item)
        ones = np.ones(int(kept.sum()), dtype=np.float32)
        ends = edges.src[kept] - self.first_user, edges.dst[kept]
        shape = (len(self._train.users) - self.first_user, self.first_item)
        return csr_array((ones, ends), shape=shape)

    @cached_property
    def _columns(self) -> list[Any]:
        """What signals need of the new items."""
        return self._scorer.signals.new_columns(self.new)

    @cached_property
    def new(self) -> NewItems:
        """What is known of the new items."""
        stage, train, first = self._bundle.second_stage, self._train, self.first_item
        assert stage is not None
        return NewItems(
            num_items=first,
            z=self._bundle.z[train.item_type][first:],
            text=stage.text[first:],
            channel=stage.channel[first:],
            domains=train.items.domains[first:],
            near=stage.near[first:],
            similarity=stage.similarity[first:],
            joined=joined_to(train, self._bundle.ground.counts),
        )


@dataclass(eq=False)
class GrownScorer(TwoStageScorer):
    """Scores by the second stage, in units of the items that were there.

    Attributes:
        grown: the signals.
    """

    grown: GrownSignals | None = None

    @cached_property
    def signals(self) -> GrownSignals:  # type: ignore[override]
        """Those that know newcomers."""
        assert self.grown is not None
        return self.grown

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`."""
        scores = np.empty((len(users), len(items)), dtype=np.float32)
        old = items < self.signals.first_item
        for places in self.signals.kinds(users):
            signals, rows = self.signals.of(users[places])
            known, new = self._scored(signals, rows, items[old], items[~old])
            scores[np.ix_(places, np.flatnonzero(old))] = known
            scores[np.ix_(places, np.flatnonzero(~old))] = new
        return scores

    def _scored(
        self, signals: Signals, users: IntArray, items: IntArray, new: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return scores of items that were there, as they were, and of new ones."""
        known = np.zeros((len(users), len(items)), dtype=np.float32)
        later = np.zeros((len(users), len(new)), dtype=np.float32)
        weights = self.ranker.by_name()
        size = max(1, SCORED_BYTES // (4 * max(len(items), 1) * HELD))
        for first in range(0, len(users), size):
            block = slice(first, first + size)
            told: dict[str, Said] = {}
            if len(new):
                told = dict(self.signals.said_of_new(signals, users[block], new))
            for name, said in signals.said(users[block], items):
                if name not in weights:
                    continue
                if len(new):
                    unit = deviations_of(said if len(items) else told[name])
                    add_in_units(later[block], told[name], unit, *weights[name])
                add_weighed(known[block], said, *weights[name])
        return known, later
