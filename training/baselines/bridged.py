"""Any scorer of warm items, made to answer for cold ones."""

import numpy as np

from kg.vocab import IntArray
from training.baselines.base import FloatArray, Scorer, Task
from training.baselines.bridge import text_carry
from training.baselines.matrices import user_blocks


class Bridged:
    """Gives cold items the mean score of their text-nearest warm target items.

    Weights are those of `training.baselines.bridge.text_carry`. A warm item keeps its score; a cold
    item without text gets the user's lowest, since nothing speaks for it.

    Args:
        scorer: any; it is never asked about a cold item.
        task: what may be learned from.
        k: how many neighbours lend their scores.
    """

    def __init__(self, scorer: Scorer, task: Task, *, k: int = 30) -> None:
        self.name = f"{scorer.name}, bridged"
        self._scorer = scorer
        self._carry = text_carry(task, k)

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`."""
        wanted = self._carry[:, items]
        lenders = np.flatnonzero(np.diff(wanted.indptr))
        weights = wanted[lenders].T.tocsr()
        silent = np.flatnonzero(np.diff(weights.indptr) == 0)
        scores = np.zeros((len(users), len(items)), dtype=np.float32)
        if not len(lenders):
            return scores
        for block in user_blocks(len(users), 8 * (len(lenders) + len(items))):
            lent = self._scorer.score(users[block], lenders)
            part = (weights @ lent.T).T
            part[:, silent] = part.min(axis=1, keepdims=True, initial=0.0)
            scores[block] = part
        return scores
