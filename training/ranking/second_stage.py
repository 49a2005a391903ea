"""What scores by the second stage: signals, weighed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from gnn.ranker import Ranker
from kg.vocab import IntArray
from training.baselines.base import FloatArray
from training.ranking.fitted import Array
from training.ranking.signals import Signals
from training.ranking.weighing import add_weighed
from training.ranking.world import World

SCORED_BYTES = 67_108_864  # of signals held at once
HELD = 6  # arrays of users and items that are held at once, at most


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
    def signals(self) -> Signals:
        """Made when first asked for."""
        return Signals(self.world, self.seed, self.kept)

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`; signals are scaled over `items`."""
        scores = np.zeros((len(users), len(items)), dtype=np.float32)
        weights = self.ranker.by_name()
        size = max(1, SCORED_BYTES // (4 * max(len(items), 1) * HELD))
        for first in range(0, len(users), size):
            block = slice(first, first + size)
            for name, said in self.signals.said(users[block], items):
                if name in weights:
                    add_weighed(scores[block], said, *weights[name])
        return scores
