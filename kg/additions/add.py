"""Tables of new nodes and new edges to a larger graph, in which every row is accounted for."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kg.additions.edges import NewEdges
from kg.additions.nodes import read_nodes
from kg.edges import EdgeSet
from kg.freeze import freeze
from kg.graph import EdgeType
from kg.importer import Imported
from kg.mapping import GraphMapping
from kg.nodes import NodeSet
from kg.rejects import RejectLimit, RejectLog
from kg.update import Base


def add_tables(
    before: Imported,
    *,
    nodes: Sequence[Path] = (),
    edges: Sequence[Path] = (),
    limit: RejectLimit | None = None,
) -> Imported:
    """Return the graph with the rows of some tables, as `isthmus import --into` would add them.

    What a row says of a known node takes the place of what the graph said; an edge that is there
    already keeps the greater weight and the later time. Where no table of users was ever imported,
    an unknown user of an interaction is a new one. A row that does not fit is rejected.

    Args:
        before: the graph, and what became of the rows that it was made from.
        nodes: tables of nodes (`kg.additions.nodes.read_nodes`).
        edges: tables of edges (`kg.additions.edges.NewEdges`).
        limit: how many rejected rows are borne; any number by default.

    Raises:
        InputError: a file is no such table, or more is rejected than the limit says.
    """
    graph, hidden = before.graph, frozenset(before.pseudonyms)
    base = Base(before)
    existing = replace(base.existing, tables=tuple(graph.nodes))  # no file says what RDF would
    mapping = GraphMapping(interactions=existing.interactions, existing=existing)
    log = RejectLog(withhold=bool(hidden), limit=limit)
    sets: dict[str, NodeSet] = {}
    into: dict[EdgeType, EdgeSet] = {}
    base.seed(sets, into)
    tallies = read_nodes(nodes, graph, hidden, sets, log)
    base.fill_tables(sets, mapping)
    known = {kind: len(some) for kind, some in sets.items()}
    create = graph.user_type not in before.tables
    reader = NewEdges(graph, sets, into, create=create, hidden=hidden)
    tallies += reader.read(edges, log)
    larger = freeze(mapping, sets, into, known, log)
    return base.joined(
        Imported(
            graph=larger,
            rejects=log.table(),
            accounts=tuple(tally.account() for tally in tallies),
        )
    )
