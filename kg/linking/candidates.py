"""Pairs of nodes that may be one, and how sure that is."""

from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kg.graph import BoolArray
from kg.vocab import IntArray

Confidence = npt.NDArray[np.float64]


class Candidates(NamedTuple):
    """Pairs, each once.

    Attributes:
        source: row of the source side, int64 `[num_pairs]`.
        target: row of the target side.
        confidence: above 0, at most 1; orders pairs and is no probability.
    """

    source: IntArray
    target: IntArray
    confidence: Confidence

    @classmethod
    def of(cls, source: IntArray, target: IntArray, confidence: Any = 1.0) -> Self:
        """Gather pairs, sorted by source and target; of repeats the surest stays."""
        confidence = np.broadcast_to(np.asarray(confidence, dtype=np.float64), source.shape)
        order = np.lexsort((-confidence, target, source))
        source, target, confidence = source[order], target[order], confidence[order]
        fresh = is_new(source, target)
        return cls(source[fresh], target[fresh], confidence[fresh])

    def where(self, mask: BoolArray) -> "Candidates":
        """Return the pairs at a mask."""
        return Candidates(self.source[mask], self.target[mask], self.confidence[mask])

    def one_of(self, others: "Candidates", num_targets: int) -> BoolArray:
        """Return which pairs are among others too."""
        return np.isin(
            self.source * num_targets + self.target, others.source * num_targets + others.target
        )


def is_new(*columns: IntArray) -> BoolArray:
    """Return which rows differ from the one before in any column."""
    mask = np.zeros(len(columns[0]), dtype=np.bool_)
    mask[:1] = True
    for column in columns:
        mask[1:] |= column[1:] != column[:-1]
    return mask


def equal_pairs(left: Any, right: Any, limit: int) -> tuple[IntArray, IntArray]:
    """Return rows of two string columns with equal values; null equals nothing.

    Args:
        left: Arrow strings.
        right: Arrow strings.
        limit: of the rows of `right` that equal one of `left`, so many come first and count.
    """
    both = pa.concat_arrays([left, right]).dictionary_encode().indices
    codes = both.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    mine, theirs = codes[: len(left)], codes[len(left) :]
    order = np.argsort(theirs, kind="stable")
    low = np.searchsorted(theirs[order], mine, side="left")
    high = np.searchsorted(theirs[order], mine, side="right")
    counts = np.where(mine >= 0, np.minimum(high - low, limit), 0)
    rows = np.repeat(np.arange(len(mine)), counts)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows, order[np.repeat(low, counts) + within]
