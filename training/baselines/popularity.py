"""The floor that ignores who asks."""

import numpy as np

from kg.vocab import IntArray
from training.baselines.base import FloatArray, Task


class Popularity:
    """Training interactions per item, the same for every user.

    Cold items have none, so that among them every score is 0: ties, hence exactly chance.

    Args:
        task: what may be learned from.
        log: return ln(1 + interactions) instead: the same order, fit to be added to other scores.
        name: as shown in reports.
    """

    def __init__(self, task: Task, *, log: bool = False, name: str = "popularity") -> None:
        self.name = name
        graph = task.split.train
        counts = np.bincount(graph.interaction_edges.dst, minlength=len(graph.items))
        self._scores: FloatArray = (np.log1p(counts) if log else counts).astype(np.float32)

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`."""
        return np.tile(self._scores[items], (len(users), 1))
