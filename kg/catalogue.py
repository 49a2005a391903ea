"""The `[[nodes]]` sections of a mapping: tables with one node per row, duplicates resolved."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.door import Door
from kg.graph import BoolArray
from kg.mapping import GraphMapping
from kg.nodes import NodeSet, attribute_fact, joined
from kg.progress import Bar
from kg.rejects import RejectLog, Tally
from kg.tables.read import read_section
from kg.tables.rows import Rows
from kg.tables.sections import NodeFile
from kg.tables.values import chunks_of, flat, is_blank, join_text, to_numbers
from kg.vocab import IntArray


@dataclass(frozen=True)
class Batch:
    """The rows of one file that have an id.

    Attributes:
        tally: of the file.
        line: returns the line of a row.
        raw: returns its text.
        ids: of the rows.
        facts: title, text and attributes.
        domain: one name per row, or "" for none.
        all_in: domains of every row.
    """

    tally: Tally
    line: Callable[[int], int]
    raw: Callable[[int], str]
    ids: Any
    facts: dict[str, Any]
    domain: Any
    all_in: tuple[str, ...]


def read_catalogue(
    mapping: GraphMapping, door: Door, sets: dict[str, NodeSet], log: RejectLog, bar: Bar
) -> list[Tally]:
    """Read all node tables into `sets` and return the tally of each file.

    Rows with one id are one node. What the first of them says stands; a later one may be silent,
    may say the same, and may add a domain; one that says otherwise is rejected.
    """
    batches: dict[str, list[Batch]] = {}
    tallies = []
    for i, section in enumerate(mapping.nodes):
        of_type = batches.setdefault(section.type, [])
        nodes = sets.setdefault(section.type, NodeSet(section.type))
        nodes.texts.update(map(attribute_fact, section.declared("text")))
        wanted = _columns(section)
        files = read_section(section, f"nodes[{i}]", mapping.folder, wanted, log, ids=[section.id])
        for tally, parts in files:
            tallies.append(tally)
            for rows in parts:
                of_type.append(_batch(section, rows, door, tally))
                bar.advance(0, note=f"{tally.file}: {tally.rows:,} rows")
        bar.advance()
    for kind, of_type in batches.items():
        if of_type:
            resolve(of_type, sets[kind])
    for tally in tallies:  # before edges to nodes that these did not give are counted too
        tally.check()
    return tallies


def _columns(section: NodeFile) -> list[str]:
    columns = [section.id, *section.text, *section.attributes]
    columns += [name for name in (section.title, section.domain_column) if name is not None]
    return list(dict.fromkeys(columns))


def _batch(section: NodeFile, rows: Rows, door: Door, tally: Tally) -> Batch:
    ids = door.ids(chunks_of(rows.columns[section.id]), section.type, section.space)
    missing = ids.blank()
    reasons = {f"{section.id} is empty": missing.copy()}
    for name in section.declared("number"):
        column = flat(rows.columns[name])
        wrong = ~(to_numbers(column)[1] | is_blank(column) | missing)
        reasons[f"{name} is not a finite number"] = wrong
        missing |= wrong
    for reason, bad in reasons.items():
        for row in np.flatnonzero(bad).tolist():
            tally.reject(int(rows.line[row]), rows.raw(row), reason)
    at = np.flatnonzero(~missing)
    kept = pa.array(at)
    title = section.title or (section.text[0] if section.text else None)
    used = {*section.text, *section.attributes}
    used |= {name for name in (title, section.domain_column) if name is not None}
    columns = {name: flat(rows.columns[name]).take(kept) for name in used}
    empty = pa.array([""] * len(at), pa.string())
    facts = {
        "title": pc.utf8_trim_whitespace(columns[title]) if title is not None else empty,
        "text": join_text([columns[name] for name in section.text], len(at)),
        **{attribute_fact(n): pc.utf8_trim_whitespace(columns[n]) for n in section.attributes},
    }
    return Batch(
        tally=tally,
        line=lambda row: int(rows.line[at[row]]),
        raw=lambda row: rows.raw(int(at[row])),
        ids=ids.column().take(kept),
        facts=facts,
        domain=pc.utf8_trim_whitespace(columns[section.domain_column])
        if section.domain_column is not None
        else empty,
        all_in=section.domain,
    )


def resolve(batches: list[Batch], nodes: NodeSet) -> None:
    """Put rows into the nodes of their type; those that contradict earlier ones are rejected."""
    ids = joined([batch.ids for batch in batches], nodes.kind, "id")
    encoded = ids.dictionary_encode()
    node = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    first = np.unique(node, return_index=True)[1]
    facts: dict[str, Any] = {}
    for name in dict.fromkeys(name for batch in batches for name in batch.facts):
        parts = [
            batch.facts.get(name, pa.array([""] * len(batch.ids), pa.string())) for batch in batches
        ]
        facts[name] = joined(parts, nodes.kind, name)
    rejected = _contradictions(node, first, facts)
    start = 0
    for batch in batches:
        stop = start + len(batch.ids)
        bad = rejected[start:stop]
        for row in np.flatnonzero(bad).tolist():
            reason = "id is given twice with different content"
            batch.tally.reject(batch.line(row), batch.raw(row), reason)
        batch.tally.loaded += int((~bad).sum())
        is_first = np.zeros(len(bad), dtype=np.bool_)
        is_first[first[(first >= start) & (first < stop)] - start] = True
        batch.tally.merged += int((~bad & ~is_first).sum())
        start = stop
    kept = pa.array(~rejected)
    rows = nodes.add(ids.filter(kept))
    for name, column in facts.items():
        said = column.filter(kept)
        speaks = pc.not_equal(said, "")
        nodes.fill(name, rows[speaks.to_numpy(zero_copy_only=False)], said.filter(speaks))
    _put_in_domains(batches, rejected, nodes)


def _contradictions(node: IntArray, first: IntArray, facts: dict[str, Any]) -> BoolArray:
    """Return which rows say something else than an accepted earlier row of the same node."""
    rejected = np.zeros(len(node), dtype=np.bool_)
    differs = rejected.copy()
    for column in facts.values():
        code = column.dictionary_encode().indices.to_numpy(zero_copy_only=False)
        differs |= code != code[first[node]]
    if not differs.any():
        return rejected
    suspects = np.flatnonzero(np.isin(node, node[differs]))  # few: only these are looked at singly
    values = {name: column.take(pa.array(suspects)).to_pylist() for name, column in facts.items()}
    accepted: dict[int, dict[str, str]] = {}
    for i, row in enumerate(suspects.tolist()):
        said = {name: column[i] for name, column in values.items() if column[i]}
        known = accepted.setdefault(int(node[row]), {})
        if any(known.get(name, value) != value for name, value in said.items()):
            rejected[row] = True
        else:
            known.update(said)
    return rejected


def _put_in_domains(batches: list[Batch], rejected: BoolArray, nodes: NodeSet) -> None:
    start = 0
    for batch in batches:
        kept = pa.array(~rejected[start : start + len(batch.ids)])
        rows = nodes.lookup(batch.ids.filter(kept))
        for domain in batch.all_in:
            nodes.put_in_domain(rows, domain)
        encoded = batch.domain.filter(kept).dictionary_encode()
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        for code, domain in enumerate(encoded.dictionary.to_pylist()):
            if domain:
                nodes.put_in_domain(rows[codes == code], domain)
        start += len(batch.ids)
