"""Conditions on items: `year>=1990`, `brand=Lego,Duplo`, `author=Agatha Christie`."""

import csv
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.errors import InputError, nearest, shown
from kg.graph import BoolArray, KnowledgeGraph, Nodes

_SIGN = re.compile("<=|>=|!=|==|=|<|>")
_COMPARE = {"<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal}
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d.*)?)?")
_KEPT = 256  # conditions whose items are remembered


class Conditions:
    """Which items of a graph meet conditions on their attributes and on what they are linked to.

    A condition is a name, a sign and a value. The name is an attribute of items, or a relation of
    the knowledge graph between items and other nodes, in either direction. `=` takes several values
    with commas between them, of which one must be there; `!=` is met by every other item. `<`,
    `<=`, `>` and `>=` compare numbers, and dates as ISO writes them; where a value is missing, they
    are not met. The values of a relation are ids or titles of the linked nodes.

    Args:
        graph: whose items.

    >>> print(conditions.mask(["author=J. R. R. Tolkien"]).sum())
    1
    """

    def __init__(self, graph: KnowledgeGraph) -> None:
        self._graph = graph
        self._attributes = graph.items.attributes
        self._relations: dict[str, list[tuple[str, Any, Any]]] = {}
        for edge_type, edges in graph.edges.items():
            src, relation, dst = edge_type
            if edge_type == graph.interactions:
                continue
            if src == graph.item_type:
                self._relations.setdefault(relation, []).append((dst, edges.src, edges.dst))
            if dst == graph.item_type:
                self._relations.setdefault(relation, []).append((src, edges.dst, edges.src))
        self._one = lru_cache(maxsize=_KEPT)(self._met)

    def mask(self, conditions: Sequence[str]) -> BoolArray:
        """Return which items meet all conditions, bool `[num_items]`.

        Raises:
            InputError: a condition cannot be read, its name or value is unknown, or its sign does
                not fit what it compares.
        """
        mask: BoolArray = np.ones(len(self._graph.items), dtype=np.bool_)
        for condition in conditions:
            mask &= self._one(condition)
        return mask

    def _met(self, condition: str) -> BoolArray:
        if not _is_text(condition):
            raise InputError(f"condition {shown(condition)}: it holds half a character")
        sign_at = _SIGN.search(condition)
        sign = sign_at[0] if sign_at else ""
        name, _, value = (part.strip() for part in condition.partition(sign or "="))
        if not (name and sign and value):
            raise InputError(
                f"condition {shown(condition)}: expected a name, a sign and a value, "
                "such as year>=1990 or brand=Lego,Duplo"
            )
        if name in self._attributes.column_names:
            met = self._by_attribute(name, sign, value)
        elif name in self._relations:
            met = self._by_relation(name, sign, value)
        else:
            known = [*self._attributes.column_names, *self._relations]
            listed = ", ".join(known) or "none"
            raise InputError(
                f"condition {shown(condition)}: items have no attribute or relation "
                f"{shown(name)}{nearest(name, known)} (known: {listed})"
            )
        return ~met if sign == "!=" else met

    def _by_attribute(self, name: str, sign: str, value: str) -> BoolArray:
        column = self._attributes[name].combine_chunks()
        rows = np.arange(len(column))
        if pa.types.is_nested(column.type):
            rows = pc.list_parent_indices(column).to_numpy()
            column = pc.list_flatten(column)
        numeric = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
        if not numeric:
            column = column.cast(pa.string())
        if sign in _COMPARE:
            if not numeric and not _DATE.fullmatch(value):
                raise InputError(
                    f"attribute {name!r} holds text: compare it with =, !=, "
                    f"or with a date such as 1990-01-31, not with {sign} {shown(value)}"
                )
            limit = _number(name, value) if numeric else value
            found = _COMPARE[sign](column, limit)
        elif numeric:
            wanted = [_number(name, one) for one in _listed(value)]
            found = pc.is_in(column.cast(pa.float64()), pa.array(wanted, pa.float64()))
        else:
            wanted_texts = _values(value, lambda text: pc.any(pc.equal(column, text)).as_py())
            for text in wanted_texts:
                if not pc.any(pc.equal(column, text)).as_py():
                    hint = nearest(text, pc.unique(column).drop_null().to_pylist())
                    raise InputError(f"no item has {name} = {shown(text)}{hint}")
            found = pc.is_in(column, pa.array(wanted_texts, pa.string()))
        met: BoolArray = np.zeros(len(self._graph.items), dtype=np.bool_)
        met[rows[pc.fill_null(found, False).to_numpy(zero_copy_only=False)]] = True
        return met

    def _by_relation(self, name: str, sign: str, value: str) -> BoolArray:
        if sign in _COMPARE:
            raise InputError(f"{name!r} is a relation: compare it with = or !=, not with {sign}")
        ends = self._relations[name]
        others = [self._graph.nodes[kind] for kind, _, _ in ends]
        wanted = _values(value, lambda text: any(_named(nodes, text).any() for nodes in others))
        met: BoolArray = np.zeros(len(self._graph.items), dtype=np.bool_)
        for text in wanted:
            known = False
            for nodes, (_, items, linked) in zip(others, ends, strict=True):
                named = _named(nodes, text)
                known |= bool(named.any())
                met[items[named[linked]]] = True
            if not known:
                hint = _nearest_name(others, text)
                raise InputError(f"{name}: no node has the id or title {shown(text)}{hint}")
        return met


def _named(nodes: Nodes, text: str) -> BoolArray:
    """Return which nodes have this id or, where none has it, this title."""
    mask: BoolArray = np.zeros(len(nodes), dtype=np.bool_)
    row = nodes.vocab.lookup([text])[0]
    if row >= 0:
        mask[row] = True
        return mask
    titled: BoolArray = pc.fill_null(pc.equal(nodes.title, text), False).to_numpy(
        zero_copy_only=False
    )
    return titled


def _nearest_name(groups: Sequence[Nodes], text: str) -> str:
    names = [title for nodes in groups for title in nodes.title.to_pylist() if title]
    ids = [node_id for nodes in groups for node_id in nodes.vocab.ids.to_pylist()]
    return nearest(text, names) or nearest(text, ids)


def _is_text(condition: str) -> bool:
    try:
        condition.encode()
    except UnicodeEncodeError:  # bytes of the shell that are no UTF-8
        return False
    return True


def _values(value: str, known: Callable[[str], bool]) -> list[str]:
    """Return the values between the commas; a known value may have commas of its own."""
    return [value] if known(value) else _listed(value)


def _listed(value: str) -> list[str]:
    try:
        parts = next(csv.reader([value], skipinitialspace=True))
    except csv.Error as error:
        raise InputError(f"{shown(value)} is no list of values: {error}") from None
    values = [part.strip() for part in parts if part.strip()]
    if not values:
        raise InputError(f"{shown(value)} is no list of values: it names none")
    return values


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if number != number:
        raise InputError(f"attribute {name!r} holds numbers: {shown(text)} is none")
    return number
