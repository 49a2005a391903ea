"""The nodes of one type while they are collected: ids are only ever added, facts only filled in."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.errors import InputError
from kg.graph import BoolArray, Nodes
from kg.tables.values import bytes_of, flat, nulled, to_attribute
from kg.vocab import IntArray, Vocab, sorted_order

LARGEST = 2**31 - 1  # bytes of a column of strings, whose offsets have 32 bits


def joined(parts: Sequence[Any], kind: str, fact: str) -> Any:
    """Return string arrays as one.

    Raises:
        InputError: there is more than a column holds; names the node type and the fact.
    """
    check_size(parts, kind, fact)
    return pa.concat_arrays(parts)


def check_size(parts: Sequence[Any], kind: str, fact: str) -> None:
    """Refuse more strings than a column holds.

    Raises:
        InputError: names the node type and the fact.
    """
    size = bytes_of(parts)
    if size > LARGEST:
        name = f"attribute {fact[1:]!r}" if fact.startswith("@") else fact
        raise InputError(
            f"the {name} of all {kind!r} nodes is {size:,} bytes long, and can be {LARGEST:,}: "
            "name fewer columns, or give the nodes several types"
        )


def attribute_fact(name: str) -> str:
    """Return the name under which an attribute is kept beside the facts `title` and `text`."""
    return f"@{name}"


class NodeSet:
    """Nodes of one type in the order in which they came; `finish` sorts them.

    Args:
        kind: the node type.
        rename: what ids that come in are replaced with; `ids` and the graph have the new ones.
    """

    def __init__(self, kind: str, rename: Callable[[Any], Any] | None = None) -> None:
        self.kind = kind
        self._rename = rename
        self.ids: Any = pa.array([], pa.string())
        self._facts: dict[str, Any] = {"title": self.ids, "text": self.ids}
        self.texts: set[str] = set()  # attributes that stay strings, even where all are numbers
        self._domains: list[tuple[IntArray, str]] = []

    def __len__(self) -> int:
        return len(self.ids)

    def lookup(self, ids: Any) -> IntArray:
        """Return the row of each id, -1 where it is unknown."""
        return self._rows(ids if self._rename is None else self._rename(ids))

    def _rows(self, ids: Any) -> IntArray:
        found = pc.index_in(ids, value_set=self.ids)
        rows: IntArray = pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        return rows

    def add(self, ids: Any) -> IntArray:
        """Return the row of each id, after adding those that are unknown."""
        return self.add_known(ids if self._rename is None else self._rename(ids))

    def add_known(self, ids: Any) -> IntArray:
        """Return the row of each id as it is in a graph, after adding those that are unknown."""
        rows = self._rows(ids) if len(self) else np.full(len(ids), -1)
        unknown = rows < 0
        if unknown.any():
            new = (ids if unknown.all() else ids.filter(pa.array(unknown))).dictionary_encode()
            rows[unknown] = new.indices.to_numpy() + len(self)
            self.ids = pa.concat_arrays([self.ids, new.dictionary])
        return rows

    def fact(self, name: str) -> Any:
        """Return a fact (title, text, or an `attribute_fact`) of all rows, `""` where unknown."""
        return self._column(name)

    def put(self, fact: str, rows: IntArray, values: Any) -> None:
        """Set a fact of distinct rows, in ascending order, whatever it was."""
        mask = np.zeros(len(self), dtype=np.bool_)
        mask[rows] = True
        column = self._column(fact)
        if column.nbytes + values.nbytes > LARGEST:  # perhaps too much
            check_size([column.filter(pa.array(~mask)), values], self.kind, fact)
        self._facts[fact] = pc.replace_with_mask(column, pa.array(mask), values)

    def fill(self, fact: str, rows: IntArray, values: Any) -> None:
        """Set a fact (title, text, or an `attribute_fact`) of rows where it is still empty.

        Of several values for a row the first counts.
        """
        current = self._column(fact)
        rows, first = np.unique(rows, return_index=True)
        values = flat(values).take(pa.array(first))
        empty = pc.equal(current.take(pa.array(rows)), "").to_numpy(zero_copy_only=False)
        self.put(fact, rows[empty], values.filter(pa.array(empty)))

    def empty(self, fact: str) -> BoolArray:
        """Return which rows have no value for a fact."""
        mask: BoolArray = pc.equal(self._column(fact), "").to_numpy(zero_copy_only=False)
        return mask

    def put_in_domain(self, rows: IntArray, domain: str) -> None:
        """Add rows to a domain, beside those that they are in."""
        if len(rows):
            self._domains.append((rows, domain))

    @property
    def domains(self) -> set[str]:
        """Names of all domains that some node is in."""
        return {domain for _, domain in self._domains}

    def placed(self) -> BoolArray:
        """Return which rows are in some domain."""
        mask = np.zeros(len(self), dtype=np.bool_)
        for rows, _ in self._domains:
            mask[rows] = True
        return mask

    def finish(self, domains: Sequence[str]) -> tuple[Nodes, IntArray]:
        """Return the nodes sorted by id, and the new row of each old row."""
        order = sorted_order(self.ids)
        new_row = np.empty(len(order), dtype=np.int64)
        new_row[order] = np.arange(len(order))
        membership = np.zeros((len(order), len(domains)), dtype=np.bool_)
        for rows, domain in self._domains:
            membership[new_row[rows], domains.index(domain)] = True
        take = pa.array(order)
        columns = {fact: self._column(fact).take(take) for fact in self._facts}
        title, text = columns.pop("title"), columns.pop("text")
        attributes = {
            name[1:]: nulled(column) if name in self.texts else to_attribute(column)
            for name, column in sorted(columns.items())
        }
        nodes = Nodes(
            vocab=Vocab(self.ids.take(take), self.kind),
            title=title,
            text=text,
            domains=membership,
            attributes=pa.table(attributes),
        )
        return nodes, new_row

    def _column(self, fact: str) -> Any:
        column = self._facts.get(fact, pa.array([], pa.string()))
        missing = len(self) - len(column)
        return pa.concat_arrays([column, pa.nulls(missing, pa.string()).fill_null("")])
