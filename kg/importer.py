"""Mapping to graph: every row of every file becomes part of it, or a reject."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.catalogue import read_catalogue
from kg.edges import EdgePart, EdgeSet
from kg.errors import InputError
from kg.graph import EdgeType, KnowledgeGraph
from kg.mapping import EdgeFile, End, GraphMapping, read_mapping
from kg.nodes import NodeSet
from kg.progress import progress
from kg.rdf.importer import RdfImport
from kg.rejects import Account, RejectLog, Tally
from kg.sources import SourceFile, source_files
from kg.tables.read import read_table
from kg.tables.values import is_blank, to_numbers, to_times


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
    log = RejectLog()
    sets: dict[str, NodeSet] = {}
    edges: dict[EdgeType, EdgeSet] = {}
    sections = len(mapping.nodes) + len(mapping.rdf) + len(mapping.edges)
    with progress("importing", total=sections) as bar:
        tallies = read_catalogue(mapping, sets, log, bar)
        rdf = RdfImport(mapping)
        tallies += rdf.read(log, bar)
        rdf.add(sets, edges)
        for i, section in enumerate(mapping.edges):
            for source in source_files(section.file, mapping.folder):
                tally = Tally(source.label, f"edges[{i}]", log)
                tallies.append(tally)
                _read_edges(section, source, tally, sets, edges)
            bar.advance()
    graph = _freeze(mapping, sets, edges, log)
    return Imported(
        graph=graph, rejects=log.table(), accounts=tuple(tally.account() for tally in tallies)
    )


def _read_edges(
    section: EdgeFile,
    source: SourceFile,
    tally: Tally,
    sets: dict[str, NodeSet],
    edges: dict[EdgeType, EdgeSet],
) -> None:
    ends = (section.src, section.dst)
    wanted = [end.column for end in ends]
    wanted += [column for column in (section.weight, section.time) if column is not None]
    rows = read_table(
        source,
        wanted,
        tally,
        format=section.format,
        delimiter=section.delimiter,
        quote=section.quote,
    )
    reason = np.full(len(rows), "", dtype=object)  # the first that applies stays
    weight = time = None
    if section.weight is not None:
        weight, good = to_numbers(rows.columns[section.weight])
        good &= np.abs(weight) <= np.finfo(np.float32).max
        reason[~good] = f"{section.weight} is not a finite number"
    if section.time is not None:
        time, good = to_times(rows.columns[section.time])
        reason[~good] = f"{section.time} is neither a finite number nor an ISO date"
    for end in ends:
        nodes = sets.setdefault(end.type, NodeSet(end.type))
        if not end.create:
            reason[nodes.lookup(rows.columns[end.column]) < 0] = f"unknown {end.type}"
    for end in ends:
        reason[is_blank(rows.columns[end.column])] = f"{end.column} is empty"
    for row in np.flatnonzero(reason != "").tolist():
        tally.reject(int(rows.line[row]), rows.raw(row), str(reason[row]))
    good = reason == ""

    def index(end: End) -> Any:
        ids = rows.columns[end.column].filter(pa.array(good))
        return sets[end.type].add(ids)

    part = EdgePart(
        src=index(section.src),
        dst=index(section.dst),
        tally=tally,
        weight=None if weight is None else weight[good],
        time=None if time is None else time[good],
    )
    tally.loaded += len(part.src)
    name = (section.src.type, section.relation, section.dst.type)
    edges.setdefault(name, EdgeSet(" ".join(name))).parts.append(part)


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
