"""Who and what is held out: users without the target, items without users, or single edges."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kg.errors import InputError
from kg.graph import BoolArray, KnowledgeGraph
from kg.overlap import split_halves
from kg.vocab import IntArray
from training.config import TaskConfig
from training.evaluation.cold_file import read_cold_file
from training.evaluation.shots import keep_shots

TRAIN, VALID, TEST = 0, 1, 2

PartArray = npt.NDArray[np.int8]


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """What a protocol holds out.

    Attributes:
        part: 0 train, 1 valid, 2 test; int8 `[num_interactions]`, in the order of the edges.
        cold_users: sorted rows of users that lose their target interactions but `task.shots`.
        cold_items: sorted rows of items that lose all interactions but `task.shots`.
        candidates: items ranked in valid and in test; None for all items that training still has.
        too_few: nodes drawn, or named by a file, that have no interaction beyond those they keep,
            and so are not cold.
    """

    part: PartArray
    cold_users: IntArray
    cold_items: IntArray
    candidates: tuple[IntArray, IntArray] | None = None
    too_few: int = 0


def hold_out(
    graph: KnowledgeGraph,
    config: TaskConfig,
    protocol: str,
    sources: tuple[str, ...],
    rng: np.random.Generator,
) -> Drawn:
    """Decide the part of every interaction.

    Raises:
        InputError: the settings or the graph do not allow it.
    """
    _check_fractions(config)
    if protocol == "user-cold":
        return _user_cold(graph, config, sources, rng)
    if protocol == "item-cold":
        return _item_cold(graph, config, rng)
    if protocol == "warm":
        return _warm_by_time(graph, config) if config.by_time else _warm(graph, config, rng)
    raise InputError(f"unknown protocol {protocol!r} (protocols: user-cold, item-cold, warm)")


def _user_cold(
    graph: KnowledgeGraph, config: TaskConfig, sources: tuple[str, ...], rng: np.random.Generator
) -> Drawn:
    edges, in_target = graph.interaction_edges, graph.item_mask(config.target)
    if config.cold_users is None:
        pool = overlapping_users(graph, config, sources)
        if config.overlap < 1:
            # those who were split would have been in the pool: the same users are cold as without
            pool = np.union1d(pool, split_halves(graph, config.target))
        if not len(pool):
            raise InputError(
                f"protocol 'user-cold' needs users with interactions in both "
                f"{', '.join(sources)} and {config.target!r}, and there is none"
            )
        valid, test = _draw(pool, config, rng, "overlapping users")
    else:
        valid, test = read_cold_file(config.cold_users, graph.users.vocab)
    part = _node_parts(len(graph.users), valid, test)[edges.src]
    part[~in_target[edges.dst]] = TRAIN
    too_few = keep_shots(part, edges.src, _union(valid, test), edges, config.shots, rng)
    return Drawn(
        part=part,
        cold_users=np.setdiff1d(_union(valid, test), too_few),
        cold_items=_none(),
        too_few=len(too_few),
    )


def _item_cold(graph: KnowledgeGraph, config: TaskConfig, rng: np.random.Generator) -> Drawn:
    edges, in_target = graph.interaction_edges, graph.item_mask(config.target)
    if config.cold_items is None:
        pool = used_items(graph, config.target)
        valid, test = _draw(pool, config, rng, f"items of {config.target!r}")
    else:
        valid, test = read_cold_file(config.cold_items, graph.items.vocab)
        foreign = np.concatenate([valid, test])
        foreign = foreign[~in_target[foreign]]
        if len(foreign):
            raise InputError(
                f"{config.cold_items}: item {graph.items.vocab.id(int(foreign[0]))!r} is not in "
                f"the target {config.target!r}"
            )
    part = _node_parts(len(graph.items), valid, test)[edges.dst]
    too_few = keep_shots(part, edges.dst, _union(valid, test), edges, config.shots, rng)
    valid, test = np.setdiff1d(valid, too_few), np.setdiff1d(test, too_few)
    return Drawn(
        part=part,
        cold_users=_none(),
        cold_items=_union(valid, test),
        candidates=(valid, test),
        too_few=len(too_few),
    )


def source_domains(graph: KnowledgeGraph, config: TaskConfig, protocol: str) -> tuple[str, ...]:
    """Return the source domains: those of the settings, or every domain but the target.

    Raises:
        InputError: an unknown domain, a target that is its own source, or nothing to transfer from.
    """
    graph.domain_index(config.target)
    for domain in config.sources:
        graph.domain_index(domain)
    if config.target in config.sources:
        raise InputError(f"task: {config.target!r} is both the target and a source")
    sources = config.sources or tuple(name for name in graph.domains if name != config.target)
    if not sources and protocol != "warm":
        raise InputError(
            f"protocol {protocol!r} carries knowledge between domains, but the graph has only "
            f'{config.target!r}; import a second domain or use protocols = ["warm"]'
        )
    return sources


def overlapping_users(
    graph: KnowledgeGraph, config: TaskConfig, sources: tuple[str, ...]
) -> IntArray:
    """Return rows of the users with interactions in the sources and in the target, sorted."""
    edges, in_target = graph.interaction_edges, graph.item_mask(config.target)
    # a shared item is a target item too: it cannot be the history that a cold user keeps
    in_source = graph.item_mask(*sources) & ~in_target
    there: BoolArray = np.zeros((2, len(graph.users)), dtype=np.bool_)
    for mask, inside in zip(there, (in_target, in_source), strict=True):
        mask[edges.src[inside[edges.dst]]] = True
    return np.flatnonzero(there.all(axis=0))


def used_items(graph: KnowledgeGraph, domain: str) -> IntArray:
    """Return rows of a domain's items that have an interaction, sorted."""
    used: BoolArray = np.zeros(len(graph.items), dtype=np.bool_)
    used[graph.interaction_edges.dst] = True
    return np.flatnonzero(used & graph.item_mask(domain))


def _warm(graph: KnowledgeGraph, config: TaskConfig, rng: np.random.Generator) -> Drawn:
    """Hold out random target interactions, never the last one of a user or of an item."""
    edges = graph.interaction_edges
    target = np.flatnonzero(graph.item_mask(config.target)[edges.dst])
    # sorted first, so that the order of the edges in memory does not change what is drawn
    target = target[np.lexsort((edges.dst[target], edges.src[target]))]
    target = rng.permutation(target)
    kept: BoolArray = np.zeros(len(target), dtype=np.bool_)
    for ends in (edges.src[target], edges.dst[target]):
        kept[np.unique(ends, return_index=True)[1]] = True
    free = target[~kept]
    wanted = np.array([config.valid_fraction, config.test_fraction]) * len(target)
    wanted *= min(1.0, len(free) / max(wanted.sum(), 1.0))
    num_valid, num_test = np.floor(wanted + 1e-9).astype(np.int64)
    if min(num_valid, num_test) == 0:
        raise InputError(
            f"{config.target!r} has {len(target)} interactions, of which {len(free)} can be held "
            "out without losing a user or an item: too few for a warm split"
        )
    part = np.zeros(len(edges), dtype=np.int8)
    part[free[:num_valid]] = VALID
    part[free[num_valid : num_valid + num_test]] = TEST
    return Drawn(part=part, cold_users=_none(), cold_items=_none())


def _warm_by_time(graph: KnowledgeGraph, config: TaskConfig) -> Drawn:
    """Hold out the last target interactions: train < t_valid <= valid < t_test <= test.

    Interactions in the sources all stay, later ones too.
    """
    edges = graph.interaction_edges
    target = np.flatnonzero(graph.item_mask(config.target)[edges.dst])
    if edges.time is None or np.isnan(edges.time[target]).any():
        raise InputError(
            f"by_time = true needs the time of every interaction in {config.target!r}, "
            f"and {'some' if edges.time is not None else 'all'} have none"
        )
    time = edges.time[target]
    part = np.zeros(len(edges), dtype=np.int8)
    if len(time):
        held_out = config.valid_fraction + config.test_fraction
        ordered = np.sort(time)
        starts = np.array([1 - held_out, 1 - config.test_fraction]) * len(time)
        t_valid, t_test = ordered[np.floor(starts + 1e-9).astype(np.int64)]
        part[target] = np.where(time >= t_test, TEST, np.where(time >= t_valid, VALID, TRAIN))
    return Drawn(part=part, cold_users=_none(), cold_items=_none())


def _check_fractions(config: TaskConfig) -> None:
    for name in ("valid_fraction", "test_fraction"):
        fraction = getattr(config, name)
        if not 0 < fraction < 1:
            raise InputError(f"task.{name} = {fraction}: must be between 0 and 1")
    total = config.valid_fraction + config.test_fraction
    if total >= 1:
        raise InputError(
            f"task.valid_fraction + task.test_fraction = {total:g} leaves nothing to train on; "
            "their sum must be below 1"
        )


def _draw(
    pool: IntArray, config: TaskConfig, rng: np.random.Generator, what: str
) -> tuple[IntArray, IntArray]:
    """Return sorted valid and test rows out of the sorted rows `pool`; at least one of each."""
    num_valid = max(1, round(config.valid_fraction * len(pool)))
    num_test = max(1, round(config.test_fraction * len(pool)))
    if num_valid + num_test > len(pool):
        raise InputError(f"there are {len(pool)} {what}: too few for a valid and a test part")
    shuffled = rng.permutation(pool)
    return np.sort(shuffled[:num_valid]), np.sort(shuffled[num_valid : num_valid + num_test])


def _node_parts(num_nodes: int, valid: IntArray, test: IntArray) -> PartArray:
    part = np.zeros(num_nodes, dtype=np.int8)
    part[valid], part[test] = VALID, TEST
    return part


def _union(valid: IntArray, test: IntArray) -> IntArray:
    return np.sort(np.concatenate([valid, test]))


def _none() -> IntArray:
    return np.zeros(0, dtype=np.int64)
