"""The one interface of everything that can be evaluated: floors and models alike."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from kg.vocab import IntArray
from training.evaluation.split import Split

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """What a scorer may learn from.

    Attributes:
        split: only `split.train` and the candidates of the part in question may be read.
        item_features: L2-normalised text vectors of all items, float32 `[num_items, dim]`; the row
            of an item without text is zero.
    """

    split: Split
    item_features: FloatArray


class Scorer(Protocol):
    """Scores any user against any item; higher is better."""

    name: str

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]` for rows `users` against rows `items`.

        Evaluation passes a block of users and all candidates at once, so per-user normalisation
        over candidates is done in here. A scorer may also have a method `among(items)` that returns
        a function of `users` with the same scores: evaluation then asks that for every block, and
        what is to be made of the candidates is made once.
        """
