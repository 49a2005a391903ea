"""The few interactions that a cold node keeps."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from kg.graph import Edges
from kg.vocab import IntArray


def keep_shots(
    part: npt.NDArray[np.int8],
    ends: IntArray,
    cold: IntArray,
    edges: Edges,
    shots: int,
    rng: np.random.Generator,
) -> IntArray:
    """Give each cold node back the first of its held-out interactions, in `part`.

    Args:
        part: of every interaction, 0 where it is trained on.
        ends: the node of each that is cold where the interaction is held out.
        cold: rows of the cold nodes, sorted.
        edges: the interactions; their times decide what comes first, where all are known.
        shots: how many a node keeps.
        rng: decides otherwise, and between equal times.

    Returns:
        Sorted rows of the nodes that this leaves nothing to predict of: all stays in training.
    """
    if not shots:
        return np.zeros(0, dtype=np.int64)
    held_out = np.flatnonzero(part)
    # sorted first, so that the order of the edges in memory does not change what is drawn
    held_out = held_out[np.lexsort((edges.dst[held_out], edges.src[held_out]))]
    held_out = rng.permutation(held_out)
    if edges.time is not None and not np.isnan(edges.time[held_out]).any():
        held_out = held_out[np.argsort(edges.time[held_out], kind="stable")]
    held_out = held_out[np.argsort(ends[held_out], kind="stable")]
    place = np.arange(len(held_out)) - np.searchsorted(ends[held_out], ends[held_out])
    part[held_out[place < shots]] = 0
    return np.setdiff1d(cold, ends[held_out[place >= shots]])


def shots_text(results: Mapping[str, Any]) -> str:
    """Return what a line on results says of shots: nothing where cold nodes kept none."""
    shots, too_few = results.get("shots", 0), results.get("too_few", 0)
    text = f"; cold ones keep {shots}" if shots else ""
    return text + (f", {too_few:,} had no more and stay warm" if too_few else "")
