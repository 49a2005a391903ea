"""Groups of users that are judged apart: by shots, and cold against warm."""

from typing import Protocol

import numpy as np

from kg.graph import BoolArray
from kg.vocab import IntArray

# smallest and largest number of training interactions of each group
SHOTS = ((0, 0), (1, 1), (2, 5), (6, 10), (11, 20), (21, None))


class Histories(Protocol):
    """Training interactions of users, each int64 `[num_users]`: an `Evaluation` or a `Judged`."""

    @property
    def target_history(self) -> IntArray:
        """Of each user in the target."""

    @property
    def source_history(self) -> IntArray:
        """Of each user in the sources."""


def slice_masks(evaluation: Histories) -> dict[str, BoolArray]:
    """Return groups of users by name, each a mask bool `[num_users]`.

    By the number of training interactions in the target and in the sources, and cold (none in the
    target) against warm users. A grouping that puts all users into one group is left out.
    """
    groupings = []
    for where, history in (
        ("target", evaluation.target_history),
        ("source", evaluation.source_history),
    ):
        grouping = {}
        for low, high in SHOTS:
            label = f">{low - 1}" if high is None else f"{low}" if low == high else f"{low}-{high}"
            upper = np.inf if high is None else high
            grouping[f"{where} history {label}"] = (history >= low) & (history <= upper)
        groupings.append(grouping)
    cold = evaluation.target_history == 0
    groupings.append({"cold users": cold, "warm users": ~cold})
    masks: dict[str, BoolArray] = {}
    for grouping in groupings:
        filled = {name: mask for name, mask in grouping.items() if mask.any()}
        if len(filled) > 1:
            masks.update(filled)
    return masks
