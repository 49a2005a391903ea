"""Mapping to graph: every row of every file becomes part of it, or a reject."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from kg.catalogue import read_catalogue
from kg.changes import Change
from kg.edge_tables import read_edge_tables
from kg.edges import EdgeSet
from kg.errors import ConfigError
from kg.export.read_back import read_exported
from kg.freeze import freeze
from kg.graph import EdgeType, KnowledgeGraph
from kg.linking.apply import apply_links
from kg.linking.find import LINK_SCHEMA
from kg.linking.nearest import Encode
from kg.mapping import GraphMapping, read_mapping
from kg.privacy.crosswalk import Crosswalk
from kg.privacy.policy import Privacy
from kg.progress import progress
from kg.rdf.importer import RdfImport
from kg.rejects import REJECT_SCHEMA, Account, RejectLimit, RejectLog
from kg.spaces import read_crosswalks
from kg.summed import summed_files
from kg.update import Base


@dataclass(frozen=True, kw_only=True, eq=False)
class Imported:
    """A graph, and what became of every row that it was made from.

    Attributes:
        graph: what loaded.
        rejects: what did not; Arrow table of file, line (null if unknown), raw and reason.
        accounts: one per file and section of the mapping; rows = loaded + rejected in each.
        links: what `[[links]]` found, taken or not; Arrow table of `LINK_SCHEMA`.
        changes: what each import into a graph that was there already has changed in it.
        pseudonyms: node types whose ids were replaced, and what tells their key from another.
        tables: node types that tables define.
        summed: marks of the files whose rows were added up.
        crosswalk: who is behind the pseudonyms, and where to write it.
    """

    graph: KnowledgeGraph
    rejects: Any
    accounts: tuple[Account, ...]
    links: Any = field(default_factory=LINK_SCHEMA.empty_table)
    changes: tuple[Change, ...] = ()
    pseudonyms: Mapping[str, str] = field(default_factory=dict)
    tables: tuple[str, ...] = ()
    summed: tuple[str, ...] = ()
    crosswalk: Crosswalk | None = field(default=None, repr=False)

    @property
    def number(self) -> int:
        """How many imports the graph is made of."""
        return max((account.import_number for account in self.accounts), default=1)


def import_graph(
    mapping: GraphMapping | Path,
    *,
    into: Imported | None = None,
    encode: Encode | None = None,
    limit: RejectLimit | None = None,
    out: Path | None = None,
) -> Imported:
    """Import all files of a mapping, or of the mapping file at a path.

    Node tables come first, then RDF, then edge tables, so that an edge table may name any node.
    Links come last: edges make nodes too, and all that a node is named by follows it.

    Args:
        mapping: what the files mean.
        into: what they are added to; its nodes are known, and its accounts are kept.
        encode: makes vectors of names, for links between the nearest.
        limit: how many rejected rows it bears; any number by default.
        out: where the graph is to lie, so that what must not lie there is found before it is read.

    Raises:
        ConfigError: the mapping is wrong, or its crosswalk of pseudonyms would be in `out`.
        InputError: a file or column is missing, a file is damaged, nothing to predict loaded, or
            more is rejected than the limit says.
    """
    base = None if into is None else Base(into)
    existing = None if base is None else base.existing
    if isinstance(mapping, Path):
        mapping = read_mapping(mapping, existing)
    elif base is not None:
        mapping = replace(mapping, existing=existing)
    if mapping.exported is not None:
        if base is not None:
            raise ConfigError("[exported] is a whole graph: it cannot be added to another")
        graph, account = read_exported(mapping.exported, mapping.folder)
        return Imported(graph=graph, rejects=REJECT_SCHEMA.empty_table(), accounts=(account,))
    privacy = Privacy.of(mapping)
    if privacy.crosswalk is not None and out is not None:
        privacy.crosswalk.check(out)
    log = RejectLog(withhold=privacy.withholds, limit=limit)
    summed = summed_files(mapping, () if into is None else into.summed)
    sets = privacy.sets()
    edges: dict[EdgeType, EdgeSet] = {}
    sections = len(mapping.nodes) + len(mapping.rdf) + len(mapping.edges)
    if base is not None:
        base.check(mapping, privacy.checks)
        base.seed(sets, edges)
    with privacy.quiet(), progress("importing", total=sections) as bar:
        door, tallies = read_crosswalks(mapping, log)
        tallies += read_catalogue(mapping, door, sets, log, bar)
        if base is not None:
            base.fill_tables(sets, mapping)
        rdf = RdfImport(mapping)
        tallies += rdf.read(log, bar)
        rdf.add(sets, edges, then=None if base is None else partial(base.fill_rest, sets, mapping))
        known = {kind: len(nodes) for kind, nodes in sets.items()}
        tallies += read_edge_tables(mapping, door, sets, edges, log, bar)
        if base is not None:
            base.add_up(edges, summed)
    graph = privacy.protect(freeze(mapping, sets, edges, known, log))
    with privacy.quiet():
        linked = apply_links(
            graph,
            mapping.links,
            folder=mapping.folder,
            log=log,
            renames={kind: rename.names for kind, rename in privacy.renames.items()},
            encode=encode,
        )
    loaded = {(tally.section, tally.file) for tally in tallies if tally.loaded}
    imported = Imported(
        graph=linked.graph,
        rejects=log.table(),
        accounts=tuple(tally.account() for tally in [*tallies, *linked.tallies]),
        links=linked.links,
        pseudonyms=privacy.checks,
        tables=tuple(sorted(mapping.table_types())),
        summed=tuple(sorted({summed[name] for name in summed if name in loaded})),
        crosswalk=privacy.crosswalk,
    )
    return imported if base is None else base.joined(imported)
