"""Which node each RDF term is: its type and id, from its rdf:type, its prefix, or the default."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from kg.errors import ConfigError
from kg.graph import BoolArray
from kg.mapping import ClassRule, GraphMapping, PrefixRule
from kg.nodes import NodeSet
from kg.rdf.names import Compactor
from kg.rdf.prefixes import expand
from kg.vocab import IntArray


@dataclass(frozen=True)
class Rules:
    """The placing rules of all `[[rdf]]` sections together, so that an IRI is one node in all."""

    classes: dict[str, ClassRule]  # by IRI, in order of precedence
    prefixes: list[PrefixRule]  # longest first
    catalogue_types: frozenset[str]  # node types that tables define

    @classmethod
    def of(cls, mapping: GraphMapping, prefixes: Mapping[str, str]) -> "Rules":
        """Gather the rules of a mapping.

        Raises:
            ConfigError: two sections contradict each other.
        """
        classes: dict[str, ClassRule] = {}
        by_prefix: dict[str, PrefixRule] = {}
        for rdf in mapping.rdf:
            for name, rule in rdf.types.items():
                if classes.setdefault(expand(name, prefixes), rule) != rule:
                    raise ConfigError(f"rdf.types: {name!r} is given two meanings")
            for prefix_rule in rdf.nodes:
                beginning = expand(prefix_rule.prefix, prefixes)
                if by_prefix.setdefault(beginning, prefix_rule) != prefix_rule:
                    raise ConfigError(f"rdf.nodes: {beginning!r} is given two meanings")
        longest_first = sorted(by_prefix.items(), key=lambda pair: -len(pair[0]))
        return cls(
            classes=classes,
            prefixes=[replace(rule, prefix=beginning) for beginning, rule in longest_first],
            catalogue_types=frozenset(nodes.type for nodes in mapping.nodes),
        )

    def of_iri(self, iri: str) -> PrefixRule | None:
        """Return the rule with the longest prefix that something follows in `iri`."""
        for rule in self.prefixes:
            if iri.startswith(rule.prefix) and len(iri) > len(rule.prefix):
                return rule
        return None


@dataclass
class Placement:
    """Where each term went.

    Attributes:
        types: names of node types.
        type_of: index into `types` of each term; -1 for terms that are no node.
        row: row in the node set of that type; -1 for terms that are no node.
        rejected: terms that should have been in the catalogue and are not.
    """

    types: list[str]
    type_of: IntArray
    row: IntArray
    rejected: BoolArray


def place(
    names: Sequence[str],
    used: IntArray,
    classes_of: Mapping[int, Sequence[ClassRule]],
    default_of: Mapping[int, str],
    rules: Rules,
    compact: Compactor,
    sets: dict[str, NodeSet],
) -> Placement:
    """Find type and id of every term that is a node, and add the nodes to `sets`.

    The first of these that applies: a prefix rule whose catalogue has the id (or whose type no
    table defines); the rdf:type; the prefix rule's `otherwise`; the default type. A term with a
    prefix rule and none of the rest is rejected.

    Args:
        names: name of every term.
        used: terms that are ends of edges or have facts.
        classes_of: the mapped classes of each term that has any, in order of precedence.
        default_of: default type of each used term.
        rules: the placing rules.
        compact: makes ids of IRIs.
        sets: node sets by type, with the catalogue in; grows.
    """
    ids_of_type: dict[str, tuple[list[int], list[str]]] = {}
    domains: dict[tuple[str, str], list[int]] = {}
    known = {rule.type: _ids(sets, rule.type) for rule in rules.prefixes}
    rejected = np.zeros(len(names), dtype=np.bool_)
    for term in used.tolist():
        name = names[term]
        classes = classes_of.get(term, ())
        rule = rules.of_iri(name)
        node_id = compact(name) if rule is None else name[len(rule.prefix) * rule.strip :]
        if rule is not None and (
            rule.type not in rules.catalogue_types or node_id in known[rule.type]
        ):
            node_type = rule.type
        elif classes:
            node_type = classes[0].type
        elif rule is not None and rule.otherwise is None:
            rejected[term] = True
            continue
        else:
            node_type = default_of[term] if rule is None else str(rule.otherwise)
        terms, ids = ids_of_type.setdefault(node_type, ([], []))
        terms.append(term)
        ids.append(node_id)
        placed_in = {entry.domain for entry in classes if entry.type == node_type}
        if rule is not None and rule.type == node_type:
            placed_in.add(rule.domain)
        for domain in placed_in - {None}:
            domains.setdefault((node_type, str(domain)), []).append(term)
    return _add(ids_of_type, domains, rejected, sets)


def _add(
    ids_of_type: Mapping[str, tuple[list[int], list[str]]],
    domains: Mapping[tuple[str, str], list[int]],
    rejected: BoolArray,
    sets: dict[str, NodeSet],
) -> Placement:
    types = sorted(ids_of_type)
    placement = Placement(
        types=types,
        type_of=np.full(len(rejected), -1, dtype=np.int64),
        row=np.full(len(rejected), -1, dtype=np.int64),
        rejected=rejected,
    )
    for i, node_type in enumerate(types):
        terms, ids = ids_of_type[node_type]
        nodes = sets.setdefault(node_type, NodeSet(node_type))
        placement.row[terms] = nodes.add(pa.array(ids, pa.string()))
        placement.type_of[terms] = i
    for (node_type, domain), terms in sorted(domains.items()):
        sets[node_type].put_in_domain(placement.row[terms], domain)
    return placement


def _ids(sets: Mapping[str, NodeSet], node_type: str) -> set[Any]:
    return set(sets[node_type].ids.to_pylist()) if node_type in sets else set()
