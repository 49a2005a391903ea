"""The floors with settings to choose."""

from kg.vocab import IntArray
from training.baselines.base import FloatArray, Task
from training.baselines.bridge import text_carry
from training.baselines.grids import combinations
from training.baselines.mixed import Mixed
from training.baselines.popularity import Popularity
from training.baselines.text import TextCosine
from training.baselines.user_knn import UserKNN


class UserKNNPopularity:
    """User-kNN and log popularity, each over its deviation.

    Args:
        task: what may be learned from.
        seed: not used.
        k: similar users that count; 0 for all.
        idf: power of the inverse frequency of items.
        popularity: weight of log popularity; that of user-kNN is 1.
        name: as shown in reports.
    """

    GRID = combinations(k=(0, 300), idf=(0.5, 1.0), popularity=(0.5, 1.0))

    def __init__(
        self,
        task: Task,
        *,
        seed: int = 0,
        k: int = 0,
        idf: float = 1.0,
        popularity: float = 1.0,
        name: str = "user-kNN + popularity, tuned",
    ) -> None:
        self.name = name
        knn = UserKNN(task, k=k, idf=idf)
        self._mixed = Mixed([(1, knn), (popularity, Popularity(task, log=True))], name)

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`."""
        return self._mixed.score(users, items)


class BridgeText:
    """User-kNN carried to cold items by text, and text cosine, each over its deviation.

    Args:
        task: what may be learned from.
        seed: not used.
        k: text-nearest warm items that lend their scores to a cold one.
        idf: power of the inverse frequency of items.
        text: weight of text cosine; that of the bridge is 1.
        name: as shown in reports.
    """

    GRID = combinations(k=(15, 50), idf=(0.5, 1.0), text=(0.5, 1.0))

    def __init__(
        self,
        task: Task,
        *,
        seed: int = 0,
        k: int = 30,
        idf: float = 1.0,
        text: float = 1.0,
        name: str = "bridge + text, tuned",
    ) -> None:
        self.name = name
        bridge = UserKNN(task, carry=text_carry(task, k), idf=idf)
        self._mixed = Mixed([(1, bridge), (text, TextCosine(task))], name)

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`."""
        return self._mixed.score(users, items)
