"""Which floors stand beside a model."""

from training.baselines.base import Scorer, Task
from training.baselines.bridge import TextBridge
from training.baselines.mixed import Mixed
from training.baselines.popularity import Popularity
from training.baselines.random import Random
from training.baselines.text import TextCosine
from training.baselines.user_knn import UserKNN


def floors_for(task: Task, seed: int) -> list[Scorer]:
    """Return the floors of a protocol, weakest idea first.

    Args:
        task: what they may learn from.
        seed: of the random floor.
    """
    random, popularity, text = Random(seed), Popularity(task), TextCosine(task)
    if task.split.protocol == "item-cold":
        bridge = TextBridge(task)
        both = Mixed([(1, bridge), (1, text)], "bridge + text")
        return [random, popularity, text, bridge, both]
    knn, log_popularity = UserKNN(task), Popularity(task, log=True)
    knn_popularity = Mixed([(1, knn), (1, log_popularity)], "user-kNN + popularity")
    if task.split.protocol == "warm":
        return [random, popularity, knn, knn_popularity, text]
    everything = Mixed([(0.5, text), (1, knn), (1, log_popularity)], "text + user-kNN + popularity")
    return [random, popularity, knn, knn_popularity, text, everything]
