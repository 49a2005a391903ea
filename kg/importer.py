"""Mapping to graph: every row of every file becomes part of it, or a reject."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from kg.catalogue import read_catalogue
from kg.door import Door
from kg.edge_tables import read_edge_tables
from kg.edges import EdgeSet
from kg.errors import InputError
from kg.export.read_back import read_exported
from kg.graph import EdgeType, KnowledgeGraph
from kg.mapping import GraphMapping, read_mapping
from kg.nodes import NodeSet
from kg.progress import progress
from kg.rdf.importer import RdfImport
from kg.rejects import REJECT_SCHEMA, Account, RejectLog


@dataclass(frozen=True, kw_only=True, eq=False)
class Imported:
    """A graph, and what became of every row that it was made from.

    Attributes:
        graph: what loaded.
        rejects: what did not; Arrow table of file, line (null if unknown), raw and reason.
        accounts: one per file and section of the mapping; rows = loaded + rejected in each.
    """

    graph: KnowledgeGraph
    rejects: Any
    accounts: tuple[Account, ...]


def import_graph(mapping: GraphMapping | Path) -> Imported:
    """Import all files of a mapping, or of the mapping file at a path.

    Node tables come first, then RDF, then edge tables, so that an edge table may name any node.

    Raises:
        ConfigError: the mapping is wrong.
        InputError: a file or column is missing, a file is damaged, or nothing to predict loaded.
    """
    if isinstance(mapping, Path):
        mapping = read_mapping(mapping)
    if mapping.exported is not None:
        graph, account = read_exported(mapping.exported, mapping.folder)
        return Imported(graph=graph, rejects=REJECT_SCHEMA.empty_table(), accounts=(account,))
    log = RejectLog()
    door = Door()
    sets: dict[str, NodeSet] = {}
    edges: dict[EdgeType, EdgeSet] = {}
    sections = len(mapping.nodes) + len(mapping.rdf) + len(mapping.edges)
    with progress("importing", total=sections) as bar:
        tallies = read_catalogue(mapping, door, sets, log, bar)
        rdf = RdfImport(mapping)
        tallies += rdf.read(log, bar)
        rdf.add(sets, edges)
        tallies += read_edge_tables(mapping, door, sets, edges, log, bar)
    graph = _freeze(mapping, sets, edges, log)
    return Imported(
        graph=graph, rejects=log.table(), accounts=tuple(tally.account() for tally in tallies)
    )


def _freeze(
    mapping: GraphMapping,
    sets: dict[str, NodeSet],
    edges: dict[EdgeType, EdgeSet],
    log: RejectLog,
) -> KnowledgeGraph:
    wanted = mapping.interactions
    interactions = (wanted.user, wanted.relation, wanted.item)
    if not sum(len(part.src) for part in edges.get(interactions, EdgeSet("")).parts):
        raise InputError(f"no interactions: {_why_none(interactions, edges, log)}")
    domains = tuple(sorted({domain for nodes in sets.values() for domain in nodes.domains}))
    finished = {kind: nodes.finish(domains) for kind, nodes in sets.items()}
    rows = {kind: new_row for kind, (_, new_row) in finished.items()}
    graph = KnowledgeGraph(
        domains=domains,
        nodes={kind: nodes for kind, (nodes, _) in finished.items()},
        edges={name: part.finish(rows[name[0]], rows[name[2]]) for name, part in edges.items()},
        interactions=interactions,
    )
    used = np.stack([graph.user_mask(domain) for domain in domains], axis=1) if domains else False
    users = replace(graph.users, domains=graph.users.domains | used)
    return replace(graph, nodes={**graph.nodes, graph.user_type: users})


def _why_none(interactions: EdgeType, edges: dict[EdgeType, EdgeSet], log: RejectLog) -> str:
    if interactions not in edges:
        made = ", ".join(" ".join(name) for name in sorted(edges)) or "none"
        return f"no file has {' '.join(interactions)!r} edges (edge types: {made})"
    reasons = pc.value_counts(log.table()["reason"]).to_pylist()
    if not reasons:
        return "their file has no rows"
    top = max(reasons, key=lambda count: count["counts"])
    return f"all rows were rejected (most often: {top['values']}, {top['counts']} times)"
