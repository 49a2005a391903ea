"""Other edges between users and items that say what an interaction says."""

import numpy as np

from kg.graph import KnowledgeGraph


def without_repeats(train: KnowledgeGraph) -> KnowledgeGraph:
    """Return the graph without other edges between users and items that repeat an interaction.

    What is held out is repeated nowhere, or the split would have been refused. Nor may it be what a
    simulation or a rehearsal hides: a wish list that holds the answer would be trusted, and has
    nothing to say of those who are cold in truth.

    Args:
        train: the training part of a split.
    """
    edges, num_items = train.interaction_edges, len(train.items)
    known = edges.src * num_items + edges.dst
    kept = {}
    for edge_type, other in train.edges.items():
        ends = (edge_type[0], edge_type[2])
        if edge_type == train.interactions or set(ends) != {train.user_type, train.item_type}:
            continue
        forward = ends[0] == train.user_type
        users, items = (other.src, other.dst) if forward else (other.dst, other.src)
        kept[edge_type] = other.take(~np.isin(users * num_items + items, known))
    return train.with_edges(kept) if kept else train
