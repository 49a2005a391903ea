"""Groups of users that are judged apart: by shots, and cold against warm."""

import numpy as np

from kg.graph import BoolArray
from training.evaluation.evaluate import Evaluation

# smallest and largest number of training interactions of each group
SHOTS = ((0, 0), (1, 1), (2, 5), (6, 10), (11, 20), (21, None))


def slice_masks(evaluation: Evaluation) -> dict[str, BoolArray]:
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
