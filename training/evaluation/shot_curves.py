"""Splits that differ only in how many interactions a cold node keeps."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kg.errors import InputError
from kg.graph import KnowledgeGraph
from training.config import TaskConfig
from training.evaluation.split import HeldOut, Protocol, Split, make_split


def shot_splits(
    graph: KnowledgeGraph, config: TaskConfig, protocol: Protocol, seed: int, shots: Sequence[int]
) -> dict[int, Split]:
    """Split a graph once for each number of shots, with the same test rows in all.

    Test rows are those that every split holds out, among candidates that all of them have. The
    other held-out interactions become `unranked`: they leave training and are ranked by nobody, so
    that figures differ by what the model was told and nothing else.

    Args:
        graph: the whole graph.
        config: the task; its own `shots` is not read.
        protocol: `user-cold` or `item-cold`.
        seed: of the draws.
        shots: how many interactions a cold node keeps.

    Raises:
        InputError: the protocol has no cold nodes, or no test row is held out in every split.
    """
    if protocol == "warm":
        raise InputError("protocol 'warm' has no cold nodes to give shots to")
    splits = {
        k: make_split(graph, replace(config, shots=k), protocol, seed) for k in sorted(set(shots))
    }
    num_items = len(graph.items)
    keys = [split.test.users * num_items + split.test.items for split in splits.values()]
    candidates = splits[min(splits)].test.candidates
    for split in splits.values():
        candidates = np.intersect1d(candidates, split.test.candidates)
    common = keys[0]
    for other in keys[1:]:
        common = np.intersect1d(common, other)
    users, items = np.divmod(np.unique(common), num_items)
    ranked = np.isin(items, candidates)
    if not ranked.any():
        raise InputError(
            f"no test row is left where cold nodes keep {max(shots)} interactions: ask for fewer"
        )
    test = HeldOut(users=users[ranked], items=items[ranked], candidates=candidates)
    kept = test.users * num_items + test.items
    found = {}
    for (k, split), own in zip(splits.items(), keys, strict=True):
        out = ~np.isin(own, kept)
        pairs = np.stack([split.test.users[out], split.test.items[out]])
        unranked = np.concatenate([split.unranked, pairs], axis=1)
        found[k] = replace(split, test=test, unranked=unranked)
    return found
