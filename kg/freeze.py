"""What was collected, to a graph: nodes sorted, edges merged, the k-core taken if asked for."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pyarrow.compute as pc

from kg.core import k_core, without_orphans
from kg.edges import EdgeSet
from kg.errors import InputError
from kg.graph import EdgeType, KnowledgeGraph
from kg.mapping import GraphMapping
from kg.nodes import NodeSet
from kg.rejects import RejectLog


def freeze(
    mapping: GraphMapping,
    sets: dict[str, NodeSet],
    edges: dict[EdgeType, EdgeSet],
    known: Mapping[str, int],
    log: RejectLog,
) -> KnowledgeGraph:
    """Return the graph of all nodes and edges.

    Args:
        mapping: says what is predicted.
        sets: nodes by type.
        edges: edges by type.
        known: how many nodes of each type there were before tables of edges made further ones.
        log: what was rejected.

    Raises:
        InputError: there are no interactions.
    """
    wanted = mapping.interactions
    interactions = (wanted.user, wanted.relation, wanted.item)
    if not sum(len(part.src) for part in edges.get(interactions, EdgeSet("")).parts):
        raise InputError(f"no interactions: {_why_none(interactions, edges, log)}")
    domains = tuple(sorted({domain for nodes in sets.values() for domain in nodes.domains}))
    with ThreadPoolExecutor() as pool:  # sorting ids lets go of the interpreter lock
        done = pool.map(lambda nodes: nodes.finish(domains), sets.values())
        finished = dict(zip(sets, done, strict=True))
    rows = {kind: new_row for kind, (_, new_row) in finished.items()}
    edges[interactions].traced = wanted.k_core > 1
    graph = KnowledgeGraph(
        domains=domains,
        nodes={kind: nodes for kind, (nodes, _) in finished.items()},
        edges={name: part.finish(rows[name[0]], rows[name[2]]) for name, part in edges.items()},
        interactions=interactions,
    )
    if wanted.k_core > 1:
        graph = _core(graph, wanted.k_core, edges[interactions])
    if wanted.k_core > 1 or any(part.repeats == "last" for part in edges.values()):
        made = {kind: np.zeros(len(new), dtype=np.bool_) for kind, new in rows.items()}
        for kind, new in rows.items():
            made[kind][new[known.get(kind, 0) :]] = True
        graph = without_orphans(graph, made)
    used = np.stack([graph.user_mask(domain) for domain in domains], axis=1) if domains else False
    users = replace(graph.users, domains=graph.users.domains | used)
    return replace(graph, nodes={**graph.nodes, graph.user_type: users})


def _core(graph: KnowledgeGraph, k: int, collected: EdgeSet) -> KnowledgeGraph:
    edges = graph.interaction_edges
    kept = k_core(edges, k, len(graph.users), len(graph.items))
    if not kept.any():
        raise InputError(f"k_core = {k} leaves none of the {len(edges):,} interactions")
    collected.count_filtered(~kept)
    return graph.with_edges({graph.interactions: edges.take(kept)})


def _why_none(interactions: EdgeType, edges: dict[EdgeType, EdgeSet], log: RejectLog) -> str:
    if interactions not in edges:
        made = ", ".join(" ".join(name) for name in sorted(edges)) or "none"
        return f"no file has {' '.join(interactions)!r} edges (edge types: {made})"
    reasons = pc.value_counts(log.table()["reason"]).to_pylist()
    if not reasons:
        return "their file has no rows"
    top = max(reasons, key=lambda count: count["counts"])
    file, line, raw, _ = next(row for row in log if row[3] == top["values"])
    where = file if line is None else f"{file}, line {line}"
    return (
        f"all rows were rejected (most often: {top['values']}, {top['counts']} times; first in "
        f"{where}: {raw[:200]})"
    )
