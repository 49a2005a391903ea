"""Tables of new nodes: known ones may be among them, which then say more of themselves."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.additions.columns import NODES, NewTable, cells, domains_in
from kg.catalogue import Batch, resolve
from kg.edge_tables import Reasons
from kg.errors import InputError, nearest
from kg.graph import BoolArray, KnowledgeGraph
from kg.nodes import NodeSet, attribute_fact
from kg.privacy.pseudonyms import PSEUDONYM
from kg.rejects import RejectLog, Tally
from kg.tables.rows import Rows
from kg.tables.values import NUMBERS, is_blank, mask_of, to_numbers
from kg.vocab import IntArray


def read_nodes(
    paths: Sequence[Path],
    graph: KnowledgeGraph,
    hidden: frozenset[str],
    sets: dict[str, NodeSet],
    log: RejectLog,
) -> list[Tally]:
    """Read tables of nodes into `sets` and return the tally of each file.

    Args:
        paths: the files; columns `id`, and as far as they are known `type` (users without it),
            `title`, `text` and `domain` (several with `|`); every other column is an attribute.
        graph: what they are added to: types, domains and attributes are those that it has.
        hidden: node types whose ids are pseudonyms.
        sets: its nodes by type.
        log: gets the rows that do not fit.

    Raises:
        InputError: a file is no such table, or has a column that is no attribute of any node.
    """
    batches: dict[str, list[Batch]] = {}
    tallies = []
    for path in paths:
        table = NewTable(path, ["id"])
        _check_columns(path, table.names, graph)
        tally, parts = table.read("new nodes", log)
        tallies.append(tally)
        for rows in parts:
            _read(rows, tally, graph, hidden, batches)
    for kind, of_type in batches.items():
        resolve(of_type, sets[kind])
    for tally in tallies:
        tally.check()
    return tallies


def _check_columns(path: Path, names: Sequence[str], graph: KnowledgeGraph) -> None:
    attributes = {name for nodes in graph.nodes.values() for name in nodes.attributes.column_names}
    known = [*NODES, *sorted(attributes)]
    for name in names:
        if name not in known:
            hint, listed = nearest(name, known), ", ".join(known)
            raise InputError(f"{path}: no node has an attribute {name!r}{hint} (columns: {listed})")


def _read(
    rows: Rows,
    tally: Tally,
    graph: KnowledgeGraph,
    hidden: frozenset[str],
    batches: dict[str, list[Batch]],
) -> None:
    """Collect the rows that fit, by type."""
    kinds, ids = cells(rows, "type", graph.user_type), cells(rows, "id")
    domains = cells(rows, "domain")
    known = [name for name in pc.unique(kinds).to_pylist() if name in graph.nodes]
    of_type = {kind: mask_of(pc.equal(kinds, kind)) for kind in known}
    reasons = Reasons(len(rows))
    reasons.where(~np.any([*of_type.values(), np.zeros(len(rows), np.bool_)], axis=0), _NO_TYPE)
    reasons.where(_outside(domains, graph.domains), "unknown domain")
    for kind, chosen in of_type.items():
        if kind == graph.user_type:
            reasons.where(chosen & ~is_blank(domains), _FOLLOW)
        if kind in hidden:
            raw = ~mask_of(pc.match_substring_regex(ids, PSEUDONYM))
            reasons.where(chosen & raw, NO_PSEUDONYM)
        for reason, wrong in _wrong_attributes(rows, kind, graph):
            reasons.where(chosen & wrong, reason)
    reasons.where(is_blank(ids), "id is empty")
    reasons.reject([rows], tally)
    good = np.zeros(len(rows), dtype=np.bool_)
    good[reasons.none()] = True
    for kind, chosen in of_type.items():
        names = graph.nodes[kind].attributes.column_names
        for cell in pc.unique(domains.filter(pa.array(good & chosen))).to_pylist():
            inside = good & chosen & mask_of(pc.equal(domains, cell))
            found = _batch(rows, np.flatnonzero(inside), names, domains_in(cell), tally)
            batches.setdefault(kind, []).append(found)


_NO_TYPE = "unknown node type"
_FOLLOW = "the domains of users follow from their edges"
NO_PSEUDONYM = "its id is no pseudonym, as those of its type are"


def _outside(domains: Any, known: Sequence[str]) -> BoolArray:
    """Return which cells name a domain that is not known."""
    distinct = domains.dictionary_encode()
    wrong = [not set(domains_in(cell)) <= set(known) for cell in distinct.dictionary.to_pylist()]
    mask: BoolArray = np.asarray(wrong, dtype=np.bool_)[distinct.indices.to_numpy()]
    return mask


def _wrong_attributes(
    rows: Rows, kind: str, graph: KnowledgeGraph
) -> Iterator[tuple[str, BoolArray]]:
    """Yield why values are none of the attributes that nodes of a type have, and which."""
    known = graph.nodes[kind].attributes
    for name in rows.columns:
        if name in NODES:
            continue
        column = cells(rows, name)
        said = ~is_blank(column)
        if name not in known.column_names:
            yield f"{kind} has no attribute {name}", said
            continue
        of = known.schema.field(name).type
        if pa.types.is_floating(of) or pa.types.is_integer(of):
            yield f"{name} is not a finite number", said & ~to_numbers(column)[1]
        elif pa.types.is_list(of):
            size = pc.max(pc.list_value_length(known.column(name))).as_py() or 0
            lengths = pc.add(pc.count_substring(column, ","), 1)
            fits = mask_of(pc.match_substring_regex(column, NUMBERS))
            fits &= mask_of(pc.equal(lengths, size))
            yield f"{name} is not a list of {size} numbers", said & ~fits


def _batch(
    rows: Rows, at: IntArray, attributes: Sequence[str], domains: tuple[str, ...], tally: Tally
) -> Batch:
    kept = pa.array(at)
    facts = {"title": "title", "text": "text"}
    facts |= {attribute_fact(name): name for name in attributes if name in rows.columns}
    return Batch(
        tally=tally,
        line=lambda row: int(rows.line[at[row]]),
        raw=lambda row: rows.raw(int(at[row])),
        ids=cells(rows, "id").take(kept),
        facts={fact: cells(rows, name).take(kept) for fact, name in facts.items()},
        domain=pa.array([""] * len(at), pa.string()),
        all_in=domains,
    )
