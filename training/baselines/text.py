"""The floor that only reads."""

import numpy as np

from kg.vocab import IntArray
from training.baselines.base import FloatArray, Task
from training.baselines.matrices import histories, history_mask


class TextCosine:
    """Cosine between an item's text vector and the mean vector of the user's training history.

    The history of a cold user is in the source domains alone, since that is what training holds of
    them. A user whose history has no text scores 0 everywhere.
    """

    def __init__(self, task: Task, name: str = "text cosine") -> None:
        self.name = name
        self._history = histories(task.split, history_mask(task.split))
        self._features = task.item_features

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`."""
        profiles: FloatArray = self._history[users] @ self._features
        lengths = np.linalg.norm(profiles, axis=1, keepdims=True)
        profiles /= np.where(lengths > 0, lengths, 1)
        return profiles @ self._features[items].T
