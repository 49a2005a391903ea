"""Which edges are train, valid and test: decided before anything is learned.

Conventions (those under which the published row counts of the floors come out):

- user-cold: candidates are the target items that still have a training interaction. A held-out
  interaction with any other item cannot be ranked; it leaves training all the same, but is no row
  (`Split.unranked`). The same holds for warm splits by time.
- item-cold: candidates of a part are the cold items of that part. Every held-out interaction is a
  row, also that of a user who has no training interaction left.
- few-shot: cold nodes keep `task.shots` interactions; candidates are as without.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from kg.errors import InputError, LeakError
from kg.graph import BoolArray, KnowledgeGraph, Nodes
from kg.pairs import pairs_among
from kg.vocab import IntArray
from training.config import TaskConfig
from training.evaluation.protocols import TEST, VALID, hold_out, source_domains, used_items

Protocol = Literal["user-cold", "item-cold", "warm"]


def _no_pairs() -> IntArray:
    return np.zeros((2, 0), dtype=np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldOut:
    """One part (valid or test) of a split: rows to be predicted among candidates.

    Attributes:
        users: int64 `[num_rows]`, sorted together with `items`.
        items: int64 `[num_rows]`, each in `candidates`.
        candidates: sorted distinct item rows that are ranked, int64 `[num_candidates]`.
    """

    users: IntArray
    items: IntArray
    candidates: IntArray

    def __len__(self) -> int:
        return len(self.users)


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """A graph that may be learned from, and the interactions that it no longer holds.

    Attributes:
        protocol: `user-cold`, `item-cold` or `warm`.
        sources: domains that knowledge comes from.
        target: domain that is predicted.
        train: the whole graph without any held-out interaction; same nodes, same rows.
        valid: what settings are chosen on.
        test: what is looked at once, at the end.
        cold_users: rows of users that lost their target interactions but `shots` (valid and test).
        cold_items: rows of items that lost all interactions but `shots` (valid and test parts).
        unranked: held-out interactions whose item is no candidate, so that they are in no part;
            rows of users and of items, int64 `[2, num_unranked]`.
        graph_fingerprint: of the whole graph that was split.
        shots: interactions that each cold node kept.
        too_few: nodes that are not cold because they had no interaction beyond these.
    """

    protocol: Protocol
    sources: tuple[str, ...]
    target: str
    train: KnowledgeGraph
    valid: HeldOut
    test: HeldOut
    cold_users: IntArray
    cold_items: IntArray
    unranked: IntArray = field(default_factory=_no_pairs)
    graph_fingerprint: str = ""
    shots: int = 0
    too_few: int = 0


def make_split(graph: KnowledgeGraph, config: TaskConfig, protocol: Protocol, seed: int) -> Split:
    """Hold interactions out, before anything is learned from the graph.

    Args:
        graph: the whole graph.
        config: target, sources, fractions, and the cold files if there are any.
        protocol: one of `config.protocols`, or any other.
        seed: of the draw; not used where a file or the time decides.

    Raises:
        InputError: the graph or the settings do not allow this split.
        LeakError: a held-out interaction is in the graph a second time, under another edge type.
    """
    sources = source_domains(graph, config, protocol)
    drawn = hold_out(graph, config, protocol, sources, np.random.default_rng(seed))
    edges = graph.interaction_edges
    train = without_interactions(graph, drawn.part > 0)
    if drawn.candidates is None:
        valid_candidates = test_candidates = used_items(train, config.target)
    else:
        valid_candidates, test_candidates = drawn.candidates
    valid, valid_unranked = _held_out(edges.src, edges.dst, drawn.part == VALID, valid_candidates)
    test, test_unranked = _held_out(edges.src, edges.dst, drawn.part == TEST, test_candidates)
    split = Split(
        protocol=protocol,
        sources=sources,
        target=config.target,
        train=train,
        valid=valid,
        test=test,
        cold_users=drawn.cold_users,
        cold_items=drawn.cold_items,
        unranked=np.concatenate([valid_unranked, test_unranked], axis=1),
        graph_fingerprint=graph.fingerprint,
        shots=config.shots if protocol != "warm" else 0,
        too_few=drawn.too_few,
    )
    _check_not_empty(split)
    check_no_leak(split)
    return split


def without_interactions(graph: KnowledgeGraph, removed: BoolArray) -> KnowledgeGraph:
    """Return the graph without some interactions, and without what only they say of users.

    Args:
        graph: any graph.
        removed: which interactions go, bool `[num_interactions]`.
    """
    before = _user_domains(graph)
    train = graph.with_edges({graph.interactions: graph.interaction_edges.take(~removed)})
    # a user's membership of a domain follows from interactions: it would betray the held-out ones
    lost = before & ~_user_domains(train)
    users = replace(train.users, domains=np.asarray(train.users.domains & ~lost))
    return replace(train, nodes={**train.nodes, train.user_type: users})


def check_no_leak(split: Split) -> None:
    """Make sure that nothing held out can be read from `split.train`.

    Raises:
        LeakError: a held-out pair is a training interaction, or an edge of any other type between
            users and items in either direction; a cold user has another number of training
            interactions in the target than `split.shots`, or a cold item of any; or a row is both
            valid and test.
    """
    train, num_items = split.train, len(split.train.items)
    valid = split.valid.users * num_items + split.valid.items
    test = split.test.users * num_items + split.test.items
    both = np.intersect1d(valid, test)
    if len(both):
        raise LeakError(f"{_pair(train, both[0])} is in both valid and test")
    users = np.concatenate([split.valid.users, split.test.users, split.unranked[0]])
    items = np.concatenate([split.valid.items, split.test.items, split.unranked[1]])
    for edge_type, edges in train.edges.items():
        ends = (edge_type[0], edge_type[2])
        pairs = []
        if ends == (train.user_type, train.item_type):
            pairs.append((edges.src, edges.dst))
        if ends == (train.item_type, train.user_type):
            pairs.append((edges.dst, edges.src))
        for some_users, some_items in pairs:
            found = pairs_among(some_users, some_items, users, items)
            leaked = np.unique(some_users[found] * num_items + some_items[found])
            if len(leaked):
                what = "a training interaction" if edge_type == train.interactions else "still"
                raise LeakError(
                    f"{len(leaked)} held-out interactions, such as {_pair(train, leaked[0])}, are "
                    f"{what} in edge type {edge_type}; leave that relation out of the graph"
                )
    edges = train.interaction_edges
    in_target = train.item_mask(split.target)[edges.dst]
    _check_cold(train.users, split.cold_users, edges.src[in_target], split, "cold users")
    _check_cold(train.items, split.cold_items, edges.dst, split, "cold items")


def _check_cold(nodes: Nodes, cold: IntArray, ends: IntArray, split: Split, what: str) -> None:
    """Make sure that each cold node is in `ends` as often as it may keep interactions."""
    wrong = cold[np.bincount(ends, minlength=len(nodes))[cold] != split.shots]
    if len(wrong):
        where = f" in {split.target!r}" if what == "cold users" else ""
        raise LeakError(
            f"{len(wrong)} {what}, such as {nodes.vocab.id(int(wrong[0]))!r}, have not exactly "
            f"{split.shots} training interactions{where}"
        )


def _held_out(
    users: IntArray, items: IntArray, mask: BoolArray, candidates: IntArray
) -> tuple[HeldOut, IntArray]:
    users, items = users[mask], items[mask]
    order = np.lexsort((items, users))
    users, items = users[order], items[order]
    ranked = np.isin(items, candidates)
    unranked = np.stack([users[~ranked], items[~ranked]])
    return HeldOut(users=users[ranked], items=items[ranked], candidates=candidates), unranked


def _user_domains(graph: KnowledgeGraph) -> BoolArray:
    """Return which domains each user has interactions in; bool `[num_users, num_domains]`."""
    columns = [graph.user_mask(domain) for domain in graph.domains]
    return np.stack(columns, axis=1) if columns else np.zeros((len(graph.users), 0), dtype=np.bool_)


def _check_not_empty(split: Split) -> None:
    train, protocol = split.train, split.protocol
    items = train.interaction_edges.dst
    if not train.item_mask(split.target)[items].any():
        raise InputError(
            f"the {protocol} split leaves no interaction in {split.target!r} to train on; "
            "hold out less"
        )
    if protocol != "warm" and not train.item_mask(*split.sources)[items].any():
        raise InputError(
            f"the {protocol} split has no interaction in {', '.join(split.sources)} to learn from"
        )
    for name, part in (("valid", split.valid), ("test", split.test)):
        if not len(part):
            raise InputError(
                f"the {name} part of the {protocol} split of {split.target!r} has no interaction "
                "that can be ranked; hold out more"
            )


def _pair(graph: KnowledgeGraph, key: int) -> str:
    user, item = divmod(int(key), len(graph.items))
    return f"({graph.users.vocab.id(user)!r}, {graph.items.vocab.id(item)!r})"


__all__ = ["HeldOut", "LeakError", "Protocol", "Split", "check_no_leak", "make_split"]
