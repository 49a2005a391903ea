"""Several floors as one."""

from collections.abc import Sequence

import numpy as np

from kg.vocab import IntArray
from training.baselines.base import FloatArray, Scorer
from training.baselines.matrices import over_deviation, user_blocks


class Mixed:
    r"""A weighted sum of scorers, each row divided by its own standard deviation.

    $$s(u, \cdot) = \sum_m w_m\, s_m(u, \cdot) \,/\, \sigma\bigl(s_m(u, \cdot)\bigr)$$

    $\sigma$ is taken over the items of the call, that is over all candidates; nothing is centred. A
    scorer that says nothing about a user (a constant row) adds nothing.

    Args:
        parts: (weight, scorer) pairs.
        name: as shown in reports.
    """

    def __init__(self, parts: Sequence[tuple[float, Scorer]], name: str) -> None:
        self.name = name
        self._parts = tuple(parts)

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`."""
        scores = np.zeros((len(users), len(items)), dtype=np.float32)
        for block in user_blocks(len(users), 16 * len(items)):
            for weight, scorer in self._parts:
                part = over_deviation(scorer.score(users[block], items))
                scores[block] += np.float32(weight) * part
        return scores
