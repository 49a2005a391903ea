"""A split of a graph that has grown: what was held out stays so, what is new is learned from."""

from dataclasses import replace

import numpy as np

from kg.graph import BoolArray
from kg.pairs import pairs_among
from training.evaluation.split import HeldOut, Split, check_no_leak, without_interactions
from training.updating.growth import Growth


def grow_split(split: Split, growth: Growth) -> Split:
    """Return a split of the larger graph.

    Valid and test have the same rows and candidates as before: new nodes are in neither. New
    interactions are learned from, but those of nodes that the split keeps cold (of cold users in
    the target, of cold items with anybody): they are held out beside the others, in no part, or
    the old rows would no longer be cold starts.

    Args:
        split: of the graph before.
        growth: the two graphs.

    Raises:
        LeakError: a new edge of another relation repeats what is held out.
    """
    after, rows = growth.after, growth.rows
    users, items = rows[after.user_type], rows[after.item_type]
    edges = after.interaction_edges
    valid, test = (
        HeldOut(users=users[part.users], items=items[part.items], candidates=items[part.candidates])
        for part in (split.valid, split.test)
    )
    unranked = np.stack([users[split.unranked[0]], items[split.unranked[1]]])
    removed = kept_cold(split, growth) & growth.new_interactions
    late_pairs = np.stack([edges.src[removed], edges.dst[removed]])
    for held_users, held_items in ((valid.users, valid.items), (test.users, test.items), unranked):
        removed[pairs_among(edges.src, edges.dst, held_users, held_items)] = True
    grown = replace(
        split,
        train=without_interactions(after, removed),
        valid=valid,
        test=test,
        cold_users=users[split.cold_users],
        cold_items=items[split.cold_items],
        unranked=np.concatenate([unranked, late_pairs], axis=1),
        graph_fingerprint=after.fingerprint,
    )
    check_no_leak(grown)
    return grown


def kept_cold(split: Split, growth: Growth) -> BoolArray:
    """Return which interactions of the larger graph its nodes that are kept cold must not have.

    Bool `[num_interactions]`; those that they had before are among them.
    """
    after, rows = growth.after, growth.rows
    edges = after.interaction_edges
    cold_users = np.zeros(len(after.users), dtype=np.bool_)
    cold_users[rows[after.user_type][split.cold_users]] = True
    cold_items = np.zeros(len(after.items), dtype=np.bool_)
    cold_items[rows[after.item_type][split.cold_items]] = True
    in_target = after.item_mask(split.target)[edges.dst]
    return np.asarray((cold_users[edges.src] & in_target) | cold_items[edges.dst])
