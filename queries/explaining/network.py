"""The network, by item of the user's history."""

import numpy as np

from kg.graph import FloatArray
from kg.vocab import IntArray
from queries.explaining.strands import Strands

PENALTY = 1e-2  # relative to the mean squared length of the items' embeddings


def divide_network(
    user: FloatArray, items: FloatArray, own: IntArray, toward: FloatArray
) -> Strands:
    r"""Divide $z_u \cdot z$ over the user's items: $\sum_h c_h\, z_h \cdot z$ and what is left.

    $c$ is the ridge regression of the user's embedding on those of their items. Where hops carry
    sums of items to their users, as those of most architectures do, little is left. Nothing is
    asked of the architecture.

    Args:
        user: $z_u$, `[width]`.
        items: embeddings of all items, `[num_items, width]`.
        own: rows of the user's items.
        toward: $z$, what the user's embedding is multiplied with, `[width]`.
    """
    mine = items[own].astype(np.float64)
    if not len(own):
        return Strands(kind="network", own=own, adds=np.empty(0))
    penalty = PENALTY * max(float((mine**2).sum()) / len(own), 1e-12)
    narrow = len(own) <= mine.shape[1]
    gram = mine @ mine.T if narrow else mine.T @ mine
    gram[np.diag_indices_from(gram)] += penalty
    if narrow:
        weight = np.linalg.solve(gram, mine @ user)
    else:
        weight = mine @ np.linalg.solve(gram, user.astype(np.float64))
    return Strands(kind="network", own=own, adds=weight * (mine @ toward))
