"""Held-out items by how popular they are: head, middle and tail of the target."""

import numpy as np
import numpy.typing as npt

from kg.vocab import IntArray
from training.evaluation.split import Split

BUCKETS = ("head items", "middle items", "tail items")


def popularity_buckets(split: Split, items: IntArray) -> npt.NDArray[np.int8]:
    """Return the bucket of each item: 0 head, 1 middle, 2 tail; `[len(items)]`.

    Items of the target in order of their training interactions, most first: the head has the first
    third of the interactions, the tail the last third and all items without any. Items that are
    equally popular share a bucket, the one in which the first of them falls.
    """
    target = split.train.item_mask(split.target)
    counts = np.bincount(split.train.interaction_edges.dst, minlength=len(target))
    counts = np.where(target, counts, 0)
    levels, inverse = np.unique(-counts, return_inverse=True)
    of_level = np.bincount(inverse, weights=counts)
    before = np.cumsum(of_level) - of_level  # interactions of all that is more popular
    thirds = np.floor(3 * before / max(1, counts.sum())).astype(np.int8)
    thirds[levels == 0] = 2
    return np.asarray(np.minimum(thirds, 2)[inverse][items], dtype=np.int8)
