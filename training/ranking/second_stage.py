"""The second stage learned, and what scores with it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gnn.ranker import Ranker, fit_ranker, prior
from kg.progress import progress
from kg.vocab import IntArray
from training.baselines.base import FloatArray
from training.config import RankingConfig
from training.evaluation.split import Split
from training.ranking.lists import lists_of
from training.ranking.rehearsal import rehearse
from training.ranking.signals import PRIOR, Signals
from training.ranking.world import World
from training.seed import generator, rng

SCORED_BYTES = 134_217_728  # of signals held at once


def learn_ranker(
    split: Split,
    world_of: Callable[[Split], World],
    world: World,
    config: RankingConfig,
    seed: int,
) -> Ranker:
    """Weigh signals on simulated cold starts.

    Every world is made without the edges that are to be predicted in it: popularity, neighbours,
    singular vectors, ridge and network have not seen them.

    Args:
        split: of the job.
        world_of: makes the world of a fold's split; the network in it has not been trained.
        world: of `split`; says which signals there are where nobody can play.
        config: how much is simulated.
        seed: who plays cold.

    Returns:
        The weights; those of the strongest simple methods where nobody can play.
    """
    start: Ranker | None = None
    draws = rng(seed, "ranking")
    lists = []
    with progress("rehearsing cold starts", config.folds) as bar:
        for fold in rehearse(split, config.folds, config.simulated, draws):
            signals = Signals(world_of(fold), seed)
            start = start or plain_sum(signals)
            lists += list(lists_of(signals, fold, start, draws))
            bar.advance(note=f"{len(lists):,} lists")
    start = start or plain_sum(Signals(world, seed))
    if not lists:
        return start
    return fit_ranker(
        lists,
        start,
        steps=config.steps,
        learning_rate=config.learning_rate,
        generator=generator(seed, "ranking"),
    )


def plain_sum(signals: Signals) -> Ranker:
    """Return the sum of the strongest simple methods that the signals hold."""
    names = signals.names()
    alone = signals.protocol == "user-cold" and "ridge" not in names
    return prior(names, PRIOR["no overlap" if alone else signals.protocol])


@dataclass(eq=False)
class TwoStageScorer:
    """Scores by the second stage (`training.baselines.base.Scorer`).

    Attributes:
        name: as shown in reports.
        world: of the job's split.
        ranker: weights of its signals.
        seed: of singular vectors.
    """

    name: str
    world: World
    ranker: Ranker
    seed: int

    @cached_property
    def signals(self) -> Callable[[IntArray, IntArray], dict[str, FloatArray]]:
        """Made when first asked for."""
        return Signals(self.world, self.seed)

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`; signals are scaled over `items`."""
        scores = np.empty((len(users), len(items)), dtype=np.float32)
        size = max(1, SCORED_BYTES // (4 * max(len(items), 1) * len(self.ranker.names)))
        for first in range(0, len(users), size):
            block = slice(first, first + size)
            scores[block] = self.ranker.score(self.signals(users[block], items))
        return scores
