"""What scores by the second stage: signals, weighed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from gnn.ranker import Ranker
from kg.vocab import IntArray
from training.baselines.base import FloatArray
from training.ranking.fitted import Array
from training.ranking.signals import Signals
from training.ranking.world import World

SCORED_BYTES = 134_217_728  # of signals held at once


@dataclass(eq=False)
class TwoStageScorer:
    """Scores by the second stage (`training.baselines.base.Scorer`).

    Attributes:
        name: as shown in reports.
        world: of the job's split.
        ranker: weights of its signals.
        seed: of singular vectors.
        kept: what signals took long to make; what is not there is made again.
    """

    name: str
    world: World
    ranker: Ranker
    seed: int
    kept: Mapping[str, Array] = field(default_factory=dict)

    @cached_property
    def signals(self) -> Callable[[IntArray, IntArray], dict[str, FloatArray]]:
        """Made when first asked for."""
        return Signals(self.world, self.seed, self.kept)

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`; signals are scaled over `items`."""
        scores = np.empty((len(users), len(items)), dtype=np.float32)
        size = max(1, SCORED_BYTES // (4 * max(len(items), 1) * len(self.ranker.names)))
        for first in range(0, len(users), size):
            block = slice(first, first + size)
            scores[block] = self.ranker.score(self.signals(users[block], items))
        return scores
