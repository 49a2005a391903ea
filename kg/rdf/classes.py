"""What a class is by what it is a subclass of."""

import numpy as np

from kg.rdf.batch import Codes
from kg.vocab import IntArray


def mapped_classes(
    classes: IntArray, rank: Codes, below: IntArray, above: IntArray
) -> tuple[IntArray, IntArray]:
    """Return which mapped classes each class belongs to, as pairs (class, rank).

    A mapped class is itself; any other is what the nearest mapped ones above it are, on each way
    up its chain of superclasses.

    Args:
        classes: the classes in question, each once.
        rank: place in the mapping of each term of the data, -1 for those that it does not name.
        below: subclasses, one for each rdfs:subClassOf.
        above: the superclass of each.
    """
    order = np.argsort(below, kind="stable")
    below, above = below[order], above[order]
    origin, current = classes, classes
    found: list[tuple[IntArray, IntArray]] = []
    seen = np.empty(0, dtype=np.int64)
    size = np.int64(len(rank))
    while len(origin):
        mapped = rank[current] >= 0
        found.append((origin[mapped], rank[current[mapped]].astype(np.int64)))
        origin, current = origin[~mapped], current[~mapped]
        # one step up, to where the way has not been yet: chains may run in circles
        start, stop = (np.searchsorted(below, current, side) for side in ("left", "right"))
        count = stop - start
        step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        keys = np.repeat(origin, count) * size + above[np.repeat(start, count) + step]
        fresh = np.setdiff1d(keys, seen)
        seen = np.union1d(seen, fresh)
        origin, current = fresh // size, fresh % size
    pairs = np.unique(
        np.concatenate([np.empty((0, 2), np.int64), *(np.stack(p, 1) for p in found)]), axis=0
    )
    return pairs[:, 0], pairs[:, 1]


def members(
    subject: Codes, target: Codes, classes: IntArray, rank: IntArray
) -> tuple[IntArray, IntArray]:
    """Return which terms are in which mapped classes, as pairs (term, rank).

    Args:
        subject: subjects of rdf:type.
        target: their classes.
        classes: classes of `mapped_classes`, sorted.
        rank: their ranks.
    """
    start, stop = (np.searchsorted(classes, target, side) for side in ("left", "right"))
    count = stop - start
    step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return np.repeat(subject, count).astype(np.int64), rank[np.repeat(start, count) + step]
