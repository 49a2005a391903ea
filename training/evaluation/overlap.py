"""A graph with less overlap: some of the users that join the domains become two persons."""

from dataclasses import replace

import numpy as np

from kg.graph import KnowledgeGraph
from kg.overlap import split_users
from training.config import TaskConfig
from training.evaluation.protocols import hold_out, overlapping_users, source_domains
from training.seed import rng


def reduce_overlap(graph: KnowledgeGraph, config: TaskConfig, seed: int) -> KnowledgeGraph:
    """Return the graph in which only the share `config.overlap` of overlapping users is shared.

    Done before any split, which then draws the same cold users, with the same interactions held
    out, as it would have drawn of the whole graph: they stay whole, and in training they have no
    target interaction but `config.shots` to join the domains with. A smaller share leaves some of
    the same users shared, and no others.

    Args:
        graph: the whole graph.
        config: overlap, target, sources and protocols.
        seed: of the job.

    Raises:
        InputError: the settings do not fit the graph.
    """
    if config.overlap == 1:
        return graph
    sources = source_domains(graph, config, config.protocols[0])
    pool = overlapping_users(graph, config, sources)
    if "user-cold" in config.protocols:
        drawn_from = replace(config, shots=0)  # those with too few to be cold would be drawn too
        drawn = hold_out(graph, drawn_from, "user-cold", sources, np.random.default_rng(seed))
        pool = np.setdiff1d(pool, drawn.cold_users)
    num_split = len(pool) - round(config.overlap * len(pool))
    return split_users(graph, config.target, rng(seed, "overlap").permutation(pool)[:num_split])
