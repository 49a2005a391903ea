"""Candidates to links: what is sure is linked, what is not is listed for people to decide."""

from dataclasses import dataclass, replace

import numpy as np

from kg.graph import BoolArray
from kg.linking.candidates import Candidates, Confidence, is_new
from kg.vocab import IntArray

LINKED, AMBIGUOUS, TAKEN, TOO_LARGE, REFUSED = range(5)
STATUS = ("linked", "ambiguous", "target taken", "cluster too large", "refused")
LISTED = 20  # candidates of one ambiguous node that are listed
SAME = 1e-6  # confidences that differ by less are equal


@dataclass(frozen=True, kw_only=True, eq=False)
class Chosen:
    """What became of candidates; all arrays `[num_links]`.

    Attributes:
        source: row of the source side.
        target: row of the target side.
        confidence: see `Candidates`.
        method: place in the methods of the rule.
        status: one of the constants above, named by `STATUS`.
    """

    source: IntArray
    target: IntArray
    confidence: Confidence
    method: IntArray
    status: IntArray


def unequivocal(pairs: Candidates, margin: float) -> tuple[Candidates, Candidates]:
    """Return pairs of sources with one best target, and those of sources with several.

    Args:
        pairs: candidates of one method, sorted by source.
        margin: candidates whose confidence is so near the best are as good.
    """
    start, size = _groups(pairs.source)
    if not len(start):
        return pairs, pairs
    best = np.repeat(np.maximum.reduceat(pairs.confidence, start), size)
    good = pairs.confidence >= best - max(margin, SAME)
    several = np.repeat(_sums(good, start) > 1, size)
    return pairs.where(good & ~several), _listed(pairs.where(good & several))


def mutual(pairs: Candidates, num_nodes: int) -> BoolArray:
    """Return which pairs of one side with itself are there the other way round too."""
    return np.isin(pairs.source * num_nodes + pairs.target, pairs.target * num_nodes + pairs.source)


def one_to_one(chosen: Chosen, *, itself: bool) -> Chosen:
    """Return the same with at most one link for each node of either side.

    An earlier method wins, then confidence. Where neither decides, all are ambiguous.

    Args:
        chosen: links.
        itself: whether both sides are one, so that a node may be source here and target there.
    """
    links = np.flatnonzero(chosen.status == LINKED)
    source, target = chosen.source[links], chosen.target[links]
    shift = 0 if itself or not len(links) else int(source.max()) + 1
    end, link = np.concatenate([source, target + shift]), np.concatenate([links, links])
    order = np.lexsort((-chosen.confidence[link], chosen.method[link], end))
    end, link = end[order], link[order]
    start, size = _groups(end)
    best = np.repeat(link[start], size)
    good = chosen.method[link] == chosen.method[best]
    good &= chosen.confidence[link] >= chosen.confidence[best] - SAME
    several = np.repeat(_sums(good, start) > 1, size)
    status = chosen.status.copy()
    np.maximum.at(status, link, np.where(good, np.where(several, AMBIGUOUS, LINKED), TAKEN))
    # what lost to a link that itself is none lost to nobody
    lost = (status[link] == TAKEN) & ~good
    status[link[lost & (status[best] != LINKED)]] = AMBIGUOUS
    return replace(chosen, status=status)


def _listed(pairs: Candidates) -> Candidates:
    order = np.lexsort((pairs.target, -pairs.confidence, pairs.source))
    start, size = _groups(pairs.source[order])
    kept = order[np.arange(len(order)) - np.repeat(start, size) < LISTED]
    return Candidates.of(pairs.source[kept], pairs.target[kept], pairs.confidence[kept])


def _groups(values: IntArray) -> tuple[IntArray, IntArray]:
    """Return where runs of equal values start, and how long they are."""
    start = np.flatnonzero(is_new(values))
    return start, np.diff(np.r_[start, len(values)])


def _sums(mask: BoolArray, start: IntArray) -> IntArray:
    """Return how many of each run are true; runs are not empty."""
    sums: IntArray = np.diff(np.r_[0, np.cumsum(mask)][np.r_[start, len(mask)]])
    return sums
