"""Other edges between users and items that say what an interaction says."""

import numpy as np

from kg.graph import KnowledgeGraph
from kg.pairs import pairs_among


def without_repeats(train: KnowledgeGraph) -> KnowledgeGraph:
    """Return the graph without other edges between users and items that repeat an interaction.

    What is held out is repeated nowhere, or the split would have been refused. Nor may it be what a
    simulation or a rehearsal hides: a wish list that holds the answer would be trusted, and has
    nothing to say of those who are cold in truth.

    Args:
        train: the training part of a split.
    """
    edges, kept = train.interaction_edges, {}
    for edge_type, other in train.edges.items():
        ends = (edge_type[0], edge_type[2])
        if edge_type == train.interactions or set(ends) != {train.user_type, train.item_type}:
            continue
        forward = ends[0] == train.user_type
        users, items = (other.src, other.dst) if forward else (other.dst, other.src)
        repeated = np.zeros(len(other), dtype=np.bool_)
        repeated[pairs_among(users, items, edges.src, edges.dst)] = True
        kept[edge_type] = other.take(~repeated)
    return train.with_edges(kept) if kept else train
