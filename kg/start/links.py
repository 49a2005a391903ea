"""Which columns hold ids of other tables, and which hold IRIs of the RDF files."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow.compute as pc

from kg.start import words
from kg.start.columns import Column
from kg.start.files import stem
from kg.start.rdf_sample import RdfSample
from kg.start.table_sample import Table


@dataclass(frozen=True)
class Reference:
    """A column whose values are ids of another table.

    Attributes:
        table: number of the other table.
        key: its id column.
        share: of the column's values that are among those ids, as far as the samples go.
    """

    table: int
    key: str
    share: float


@dataclass(frozen=True)
class IriLink:
    """How the values of a column are IRIs of the RDF files.

    Attributes:
        form: `whole` IRIs; what follows a `namespace`; or names with a `prefix` that is declared.
        namespaces: where they are, with how many values in each.
        share: of the column's values that were found.
    """

    form: Literal["whole", "namespace", "prefix"]
    namespaces: dict[str, int]
    share: float


def references(tables: Sequence[Table], number: int, name: str) -> list[Reference]:
    """Return the tables that a column's values are ids of, the best first."""
    column = tables[number].columns[name]
    if not column.may_be_id:
        return []
    found = []
    for other, table in enumerate(tables):
        keys = [key for key in table.columns.values() if other != number and key.is_key]
        shares = {key.name: _share(column, key, table) for key in keys}
        if shares:
            best = max(shares, key=lambda key: shares[key])
            if shares[best]:
                found.append(Reference(other, best, shares[best]))
    return sorted(found, key=lambda reference: -reference.share)


def iri_link(column: Column, rdf: RdfSample) -> IriLink | None:
    """Return how the values of a column are IRIs, None if they are not."""
    if not column.may_be_id or not len(column.distinct):
        return None
    values = column.distinct.to_pylist()
    if column.kind == "iri":
        return _counted("whole", (_split(v.strip("<>"), rdf) for v in values), len(values))
    declared = {p: ns for p, ns in rdf.prefixes.items() if ns in rdf.iris}
    prefixed = [value.partition(":") for value in values if ":" in value]
    if declared and len(prefixed) > len(values) / 2:
        spaces = ((declared.get(p), local) for p, _, local in prefixed)
        found = (ns if ns and local in rdf.iris[ns] else None for ns, local in spaces)
        return _counted("prefix", found, len(values))
    return _by_namespace(column, rdf)


def _by_namespace(column: Column, rdf: RdfSample) -> IriLink | None:
    hits = {}
    distinct = set(column.distinct.to_pylist())
    for namespace, locals_ in rdf.iris.items():
        number = len(distinct & locals_)
        # small numbers are in every namespace that ends in numbers
        enough = 0.5 if column.kind == "integer" else 0.02
        smaller = min(len(distinct), len(locals_))
        if number >= min(3, len(distinct)) and number >= enough * smaller:
            hits[namespace] = number
    if not hits:
        return None
    best = max(hits, key=lambda namespace: hits[namespace])
    return IriLink("namespace", {best: hits[best]}, hits[best] / len(distinct))


def _counted(
    form: Literal["whole", "prefix"], spaces: Iterable[str | None], total: int
) -> IriLink | None:
    counts = Counter(namespace for namespace in spaces if namespace)
    if not counts:
        return None
    return IriLink(form, dict(counts), sum(counts.values()) / total)


def _split(iri: str, rdf: RdfSample) -> str | None:
    cut = max(iri.rfind("/"), iri.rfind("#")) + 1
    return iri[:cut] if iri[cut:] in rdf.iris.get(iri[:cut], ()) else None


def _share(column: Column, key: Column, table: Table) -> float:
    """Return the share of a column's values among the ids of a table, 0 if it is by chance."""
    if column.kind != key.kind and "integer" in (column.kind, key.kind):
        return 0.0
    inside = int(pc.sum(pc.is_in(column.distinct, value_set=key.distinct)).as_py() or 0)
    if not inside:
        return 0.0
    looked_at = 1.0 if table.complete else min(1.0, key.num_rows / max(table.num_rows, 1))
    share = min(1.0, inside / len(column.distinct) / looked_at)
    alike = related(column.name, key.name, table)
    if column.kind != "integer":
        return share if share >= (0.02 if alike else 0.1) else 0.0
    # numbers from 1 on are among the ids of every table that counts from 1 on
    if alike:
        return share if share >= 0.1 else 0.0
    opposite = words.says(column.name, words.USER) != words.says(stem(table.file.path), words.USER)
    covered = inside / len(key.distinct) / looked_at
    return share if not opposite and share >= 0.95 and covered >= 0.5 else 0.0


def related(name: str, key: str, table: Table) -> bool:
    """Return whether the names say that a column holds the ids of a table."""
    own = {words.singular(word) for word in words.words(name)} - words.IDENTIFIER
    of_key = {words.singular(word) for word in words.words(key)}
    of_file = {words.singular(word) for word in words.words(stem(table.file.path))}
    if name == key and own:
        return True
    if own & (of_key | of_file) - words.IDENTIFIER:
        return True
    sides = (words.USER, words.ITEM)
    return any(
        words.says(name, side)
        and (words.says(key, side) or words.says(stem(table.file.path), side))
        for side in sides
    )
