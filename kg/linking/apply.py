"""All `[[links]]` of a mapping: linked nodes of a graph become one, or get an edge."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from kg.errors import ConfigError
from kg.graph import Edges, EdgeType, KnowledgeGraph
from kg.linking.candidates import Candidates
from kg.linking.choose import LINKED, TOO_LARGE, Chosen
from kg.linking.clusters import cluster
from kg.linking.find import LINK_SCHEMA, NOTHING, find_links, link_table
from kg.linking.merge import Numbering, distinct_edges, merge_nodes
from kg.linking.nearest import Encode
from kg.linking.pair_tables import PairTables, Rename
from kg.linking.rules import LinkRule
from kg.linking.sides import Side, graph_side
from kg.linking.stated import same_as, same_ids
from kg.rejects import RejectLog, Tally
from kg.vocab import IntArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Linked:
    """A graph after linking, and every link.

    Attributes:
        graph: the graph with linked nodes merged, or with edges between them.
        links: Arrow table of `LINK_SCHEMA`: those taken and those that are not, with `status`.
        tallies: one for each table of pairs that was read.
    """

    graph: KnowledgeGraph
    links: pa.Table
    tallies: list[Tally]


def apply_links(
    graph: KnowledgeGraph,
    rules: Sequence[LinkRule],
    *,
    folder: Path,
    log: RejectLog,
    renames: Mapping[str, Rename] | None = None,
    encode: Encode | None = None,
) -> Linked:
    """Find the links of all rules in the graph as it is, then apply them together.

    A node keeps its type and id if it is a user or an item, or else if its type comes first among
    the sources of the rules, then the targets; of one type, the first id in sorted order stays.

    Args:
        graph: the graph.
        rules: `[[links]]` sections.
        folder: what file names in them are relative to.
        log: gets rejected rows of tables of pairs.
        renames: by node type, what turns ids of those tables into ids of the graph.
        encode: makes vectors of texts, for the method "nearest".

    Raises:
        ConfigError: a rule names a node type, relation or attribute that the graph lacks.
        InputError: a table of pairs is missing or damaged.
    """
    if not rules:
        return Linked(graph=graph, links=LINK_SCHEMA.empty_table(), tallies=[])
    tables = PairTables(folder, log, renames or {})
    found = [_found(graph, rule, f"links[{i}]", tables, encode) for i, rule in enumerate(rules)]
    order = [graph.user_type, graph.item_type]
    order += [rule.source for rule in rules] + [rule.target for rule in rules]
    numbers = Numbering.of(graph)
    priority = numbers.priority(order)
    ends = [_ends(chosen, rule, numbers) for (chosen, *_), rule in zip(found, rules, strict=True)]
    clusters = cluster(
        np.concatenate([source for source, _ in ends]),
        np.concatenate([target for _, target in ends]),
        np.repeat([rule.max_cluster for rule in rules], [len(source) for source, _ in ends]),
        priority,
    )
    parts, start = [], 0
    for rule, (chosen, source, target), (numbered, _) in zip(rules, found, ends, strict=True):
        if rule.action == "merge":
            status = chosen.status.copy()
            large = clusters.too_large[start : start + len(numbered)]
            status[np.flatnonzero(status == LINKED)[large]] = TOO_LARGE
            chosen = replace(chosen, status=status)
        start += len(numbered)
        parts.append(link_table(chosen, source, target, rule))
    graph = _with_edges(graph, rules, [chosen for chosen, *_ in found])
    if (clusters.of != np.arange(numbers.total)).any():
        graph = merge_nodes(graph, clusters.of, priority)
    return Linked(graph=graph, links=pa.concat_tables(parts), tallies=tables.tallies)


def links_of(
    graph: KnowledgeGraph,
    rule: LinkRule,
    *,
    folder: Path,
    log: RejectLog,
    renames: Mapping[str, Rename] | None = None,
    encode: Encode | None = None,
) -> pa.Table:
    """Return the links of one rule in a graph, which stays as it is; see `apply_links`."""
    chosen, source, target = _found(
        graph, rule, "links", PairTables(folder, log, renames or {}), encode
    )
    return link_table(chosen, source, target, rule)


def _found(
    graph: KnowledgeGraph,
    rule: LinkRule,
    section: str,
    tables: PairTables,
    encode: Encode | None,
) -> tuple[Chosen, Side, Side]:
    try:
        source, target = _sides(graph, rule)
        refused = NOTHING
        stated: dict[str, Callable[[], Candidates]] = {
            "same_as": lambda: same_as(graph, source, target, rule.same_as),
            "ids": lambda: same_ids(graph, source, target, rule),
            "pairs": partial(tables.pairs, section, rule, source, target),
        }
        if rule.reviewed:
            linked, refused = tables.reviewed(section, rule, source, target)
            stated["reviewed"] = lambda: linked
        chosen = find_links(source, target, rule, stated=stated, refused=refused, encode=encode)
    except ConfigError as error:
        raise ConfigError(f"{section}: {error}") from None
    return chosen, source, target


def _sides(graph: KnowledgeGraph, rule: LinkRule) -> tuple[Side, Side]:
    years = (None, None) if rule.year is None else (rule.year.source, rule.year.target)
    itself = (rule.source, rule.source_domain) == (rule.target, rule.target_domain)
    target = graph_side(
        graph,
        rule.target,
        domain=rule.target_domain,
        having=rule.having,
        year=years[1],
        read=rule.read,
    )
    if itself:
        return target, target
    source = graph_side(
        graph, rule.source, domain=rule.source_domain, year=years[0], read=rule.read
    )
    return source, target


def _ends(chosen: Chosen, rule: LinkRule, numbers: Numbering) -> tuple[IntArray, IntArray]:
    """Return the numbers of nodes to merge."""
    rows = np.flatnonzero(chosen.status == LINKED if rule.action == "merge" else [])
    return (
        numbers.start[rule.source] + chosen.source[rows],
        numbers.start[rule.target] + chosen.target[rows],
    )


def _with_edges(
    graph: KnowledgeGraph, rules: Sequence[LinkRule], found: Sequence[Chosen]
) -> KnowledgeGraph:
    edges: dict[EdgeType, Edges] = {}
    for rule, chosen in zip(rules, found, strict=True):
        if rule.action == "edge":
            rows = np.flatnonzero(chosen.status == LINKED)
            name = (rule.source, rule.relation, rule.target)
            new = Edges(
                src=chosen.source[rows],
                dst=chosen.target[rows],
                weight=chosen.confidence[rows].astype(np.float32),
            )
            old = edges.get(name, graph.edges.get(name))
            edges[name] = distinct_edges([new] if old is None else [old, new], name)
    return graph.with_edges(edges)
