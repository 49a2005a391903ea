"""Cold starts rehearsed in folds: worlds without some edges, and those edges to be predicted."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from kg.graph import BoolArray
from kg.vocab import IntArray
from training.evaluation.shots import keep_shots
from training.evaluation.split import HeldOut, Split, without_interactions


def rehearse(split: Split, folds: int, limit: int, rng: np.random.Generator) -> Iterator[Split]:
    """Yield splits that hide, of `split.train`, what the protocol hides of cold nodes.

    Users (`user-cold`) lose their target interactions, items (`item-cold`) all of theirs, and under
    `warm` a tenth of the target interactions goes. What is hidden is the `valid` part of the split
    that is yielded; nothing else of it may be read but `train`. No node is hidden twice.

    Args:
        split: of the job; only its `train` is read.
        folds: how many worlds.
        limit: nodes, or users, that play in all of them together.
        rng: who plays.
    """
    train = split.train
    edges = train.interaction_edges
    hidden: BoolArray
    target = train.item_mask(split.target)
    in_target = target[edges.dst]
    each = max(1, limit // max(folds, 1))  # at most, in a world where all users may be asked
    warm_items = _more_than(split.shots, edges.dst[in_target])
    if split.protocol == "item-cold":
        # as many at once as are cold in truth, or a list would be easier than the real one
        size = max(1, min(len(split.cold_items) // 2, len(warm_items) // 4))
        players = rng.permutation(warm_items)
        for fold in range(min(folds, len(players) // size)):
            chosen = np.sort(players[fold * size : (fold + 1) * size])
            hidden = _beyond_shots(np.isin(edges.dst, chosen), edges.dst, chosen, split, rng)
            yield _hiding(split, hidden, chosen, chosen, each, rng)
    elif split.protocol == "user-cold":
        source = train.item_mask(*split.sources) & ~target
        both = _more_than(split.shots, edges.src[in_target])
        both = np.intersect1d(both, edges.src[source[edges.dst]])
        players = rng.permutation(both)[:limit]
        if not len(players):  # nobody is shared
            return
        # a world without most of those who know both domains would be another one
        size = min(-(-len(players) // folds), max(1, len(both) // 4))
        for start in range(0, min(len(players), size * folds), size):
            chosen = np.sort(players[start : start + size])
            hidden = np.isin(edges.src, chosen) & in_target
            hidden = _beyond_shots(hidden, edges.src, chosen, split, rng)
            yield _hiding(split, hidden, None, warm_items[:0], limit, rng)
    else:
        order = rng.permutation(np.flatnonzero(in_target))
        size = len(order) // 10
        for fold in range(min(folds, 10)):
            hidden = np.zeros(len(edges), dtype=np.bool_)
            hidden[order[fold * size : (fold + 1) * size]] = True
            yield _hiding(split, hidden, None, warm_items[:0], each, rng)


def _more_than(shots: int, ends: IntArray) -> IntArray:
    """Return who is at more ends than it keeps: the others have nothing to lose."""
    nodes, counts = np.unique(ends, return_counts=True)
    return np.asarray(nodes[counts > shots])


def _beyond_shots(
    hidden: BoolArray, ends: IntArray, chosen: IntArray, split: Split, rng: np.random.Generator
) -> BoolArray:
    """Return what is hidden of nodes that keep as many interactions as the cold ones do."""
    part = hidden.astype(np.int8)
    keep_shots(part, ends, chosen, split.train.interaction_edges, split.shots, rng)
    return np.asarray(part > 0)


def _hiding(
    split: Split,
    hidden: BoolArray,
    candidates: IntArray | None,
    cold_items: IntArray,
    limit: int,
    rng: np.random.Generator,
) -> Split:
    edges = split.train.interaction_edges
    train = without_interactions(split.train, hidden)
    left = train.interaction_edges
    if candidates is None:
        trained = np.unique(left.dst)
        candidates = trained[train.item_mask(split.target)[trained]]
    users, items = edges.src[hidden], edges.dst[hidden]
    kept = np.isin(items, candidates)
    known = np.zeros(len(train.users), dtype=np.bool_)
    known[left.src] = True  # of others nothing is left to go by
    kept &= known[users]
    asked = np.unique(users[kept])
    if len(asked) > limit:
        kept &= np.isin(users, rng.choice(asked, limit, replace=False))
    order = np.lexsort((items[kept], users[kept]))
    held_out = HeldOut(users=users[kept][order], items=items[kept][order], candidates=candidates)
    return replace(split, train=train, valid=held_out, test=held_out, cold_items=cold_items)
