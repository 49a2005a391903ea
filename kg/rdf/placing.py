"""Which node each RDF term is: its type and id, from its rdf:type, its prefix, or the default."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kg.errors import InputError
from kg.graph import BoolArray
from kg.mapping import ClassRule, PrefixRule
from kg.nodes import NodeSet
from kg.rdf.names import Compactor
from kg.rdf.rules import Rules
from kg.vocab import IntArray

MOST_BYTES = (1 << 31) - 1  # of the ids of one node type


@dataclass
class Placement:
    """Where each term went.

    Attributes:
        types: names of node types.
        type_of: index into `types` of each term; -1 for terms that are no node; int16.
        row: row in the node set of that type; -1 for terms that are no node; int32.
        rejected: terms that should have been in the catalogue and are not.
    """

    types: list[str]
    type_of: npt.NDArray[np.int16]
    row: npt.NDArray[np.int32]
    rejected: BoolArray

    def by_type(self, terms: IntArray) -> Iterator[tuple[str, IntArray, IntArray]]:
        """Yield each type of some terms, the rows of these, and where they are in `terms`."""
        kind = self.type_of[terms]
        for i, node_type in enumerate(self.types):
            here = np.flatnonzero(kind == i)
            if len(here):
                yield node_type, self.row[terms[here]].astype(np.int64), here


def place(
    names: Any,
    used: IntArray,
    members: tuple[IntArray, IntArray],
    default: Sequence[str],
    default_of: IntArray,
    rules: Rules,
    compact: Compactor,
    sets: dict[str, NodeSet],
    known: Sequence[str] = (),
) -> Placement:
    """Find type and id of every term that is a node, and add the nodes to `sets`.

    The first of these that applies: a prefix rule whose catalogue has the id (or whose type no
    table defines); the rdf:type; the prefix rule's `otherwise`; a known type that has the id; the
    default type. A term with a prefix rule and none of the rest is rejected.

    Args:
        names: name of every term.
        used: terms that are ends of edges or have facts, each once.
        members: terms and the rank of a mapped class that they are in, as pairs.
        default: default types.
        default_of: index into these of each used term.
        rules: the placing rules.
        compact: makes ids of IRIs.
        sets: node sets by type, with the catalogue in; grows.
        known: node types that RDF has given nodes before, in a graph that is added to.

    Raises:
        InputError: more ids than fit into a node type.
    """
    classes = list(rules.classes.values())
    types = sorted(
        {*default, *known, *(rule.type for rule in classes)}
        | {kind for rule in rules.prefixes for kind in (rule.type, rule.otherwise) if kind}
    )
    number = {name: i for i, name in enumerate(types)}
    text = names if len(used) == len(names) else names.take(pa.array(used))
    rule_of, ids = _identify(text, rules, compact)
    del text

    term, rank = members
    best = np.full(len(names), len(classes), dtype=np.int32)
    last_first = np.argsort(-rank.astype(np.int16), kind="stable")
    best[term[last_first]] = rank[last_first]  # of several, what is written last stays
    best = best[used]
    type_of_class = np.array([*(number[rule.type] for rule in classes), -1], dtype=np.int16)
    kind = np.array([number[name] for name in default], dtype=np.int16)[default_of]
    unsettled = np.flatnonzero((rule_of < 0) & (best == len(classes)))
    for name in dict.fromkeys([*(name for name in default if name in known), *known]):
        found = sets[name].lookup(_short(ids.take(pa.array(unsettled)), name)) >= 0
        kind[unsettled[found]] = number[name]
        unsettled = unsettled[~found]
    for i, rule in enumerate(rules.prefixes):
        kind[rule_of == i] = -1 if rule.otherwise is None else number[rule.otherwise]
    kind = np.where(best < len(classes), type_of_class[best], kind)
    for i, rule in enumerate(rules.prefixes):
        here = np.flatnonzero(rule_of == i)
        if rule.type in rules.catalogue_types:
            here = here[sets[rule.type].lookup(_short(ids.take(pa.array(here)), rule.type)) >= 0]
        kind[here] = number[rule.type]

    placement = Placement(
        types=types,
        type_of=np.full(len(names), -1, dtype=np.int16),
        row=np.full(len(names), -1, dtype=np.int32),
        rejected=np.zeros(len(names), dtype=np.bool_),
    )
    placement.type_of[used] = kind
    placement.rejected[used[kind < 0]] = True
    for i in np.unique(kind[kind >= 0]).tolist():
        nodes = sets.setdefault(types[i], NodeSet(types[i]))
        here = np.flatnonzero(kind == i)
        placement.row[used[here]] = nodes.add(_short(ids.take(pa.array(here)), types[i]))
    _put_in_domains(placement, used, rule_of, members, rules, sets)
    return placement


def _identify(text: Any, rules: Rules, compact: Compactor) -> tuple[npt.NDArray[np.int16], Any]:
    """Return the prefix rule of each name, -1 for none, and its id."""
    rule_of = np.full(len(text), -1, dtype=np.int16)
    if not rules.prefixes:
        return rule_of, compact.many(text)
    order, parts = [], []
    for i, rule in enumerate(rules.prefixes):
        size = len(rule.prefix.encode())
        fits = pc.and_(
            pc.starts_with(text, rule.prefix), pc.greater(pc.binary_length(text), size)
        ).to_numpy(zero_copy_only=False)
        here = np.flatnonzero(fits & (rule_of < 0))
        rule_of[here] = i
        named = text.take(pa.array(here))
        order.append(here)
        parts.append(pc.utf8_slice_codeunits(named, len(rule.prefix)) if rule.strip else named)
    here = np.flatnonzero(rule_of < 0)
    order.append(here)
    parts.append(compact.many(text.take(pa.array(here))))
    place = np.empty(len(text), dtype=np.int64)
    place[np.concatenate(order)] = np.arange(len(text))
    return rule_of, pa.concat_arrays(parts).take(pa.array(place))


def _put_in_domains(
    placement: Placement,
    used: IntArray,
    rule_of: npt.NDArray[np.int16],
    members: tuple[IntArray, IntArray],
    rules: Rules,
    sets: dict[str, NodeSet],
) -> None:
    said: list[tuple[ClassRule | PrefixRule, IntArray]] = [
        (rule, members[0][members[1] == i]) for i, rule in enumerate(rules.classes.values())
    ]
    said += [(rule, used[rule_of == i]) for i, rule in enumerate(rules.prefixes)]
    for rule, terms in said:
        if rule.domain is None:
            continue
        inside = np.zeros(len(placement.row), dtype=np.bool_)
        inside[terms] = True
        inside &= placement.type_of == placement.types.index(rule.type)
        here = np.flatnonzero(inside)
        if len(here):
            sets[rule.type].put_in_domain(placement.row[here].astype(np.int64), rule.domain)


def _short(ids: Any, node_type: str) -> Any:
    if ids.nbytes > MOST_BYTES:
        raise InputError(f"more than 2 GiB of ids of {node_type!r}: import a part of the data")
    return ids.cast(pa.string())
