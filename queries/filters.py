"""What a recommendation may consist of, and in what order: one object that every door shares."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import pyarrow as pa

from kg.errors import InputError

POOL = 200
_LISTED = 20  # ids that a message may name one by one


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What is left out of recommendations, and what reorders the rest. By default, what was seen.

    No setting changes a score: they say which items are answered, and which comes first.

    Attributes:
        exclude_seen: leave out what the user interacted with in the graph the model was trained on.
        exclude: ids of items that nobody gets; one id may stand alone.
        allow: ids of the only items that anybody gets; None for all.
        given: pairs of users and items that are left out too, such as the answers of last week; a
            table with columns `user` and `item`. What the graph does not know excludes nothing.
        where: conditions on items, such as `year>=1990`; all must hold
            (`queries.conditions.Conditions`).
        min_probability: leave out what a user is less likely to interact with, and what the model
            has no probability for; only for the domain that the model was trained for.
        diversity: from 0, the best first, to 1, each as unlike those before it as can be: maximal
            marginal relevance (`queries.reorder`).
        popularity_weight: how much an e-fold of an item's training interactions costs it, in units
            of the score: items are ordered by score - weight * log(1 + interactions). Negative
            favours what is popular.
        pool: of how many of the best the last two choose; at least k.

    Raises:
        InputError: a number is out of its range, or `given` lacks a column.

    >>> only = Filters(exclude="f1", where="writer=herbert", diversity=0.3)
    >>> print(*recommender.recommend("dan", domain="films", filters=only)[0])
    f3
    """

    exclude_seen: bool = True
    exclude: Sequence[str] = ()
    allow: Sequence[str] | None = None
    given: Any = None
    where: Sequence[str] = ()
    min_probability: float | None = None
    diversity: float = 0.0
    popularity_weight: float = 0.0
    pool: int = POOL

    def __post_init__(self) -> None:
        for name in ("exclude", "where", "allow"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, as_ids(value))
        if self.given is not None:
            object.__setattr__(self, "given", _pairs(self.given))
        for name, low, high in (
            ("min_probability", 0.0, 1.0),
            ("diversity", 0.0, 1.0),
            ("popularity_weight", -math.inf, math.inf),
        ):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and low <= value <= high):
                wanted = "a finite number" if high == math.inf else f"from {low:g} to {high:g}"
                raise InputError(f"{name} = {value!r}: expected {wanted}")
        if self.pool < 1:
            raise InputError(f"pool = {self.pool}: expected at least 1")

    @property
    def reorders(self) -> bool:
        """Whether the order is another than that of the scores."""
        return self.diversity > 0 or self.popularity_weight != 0

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values; long lists as their number and a hash of them."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in ("exclude", "allow", "where"):
            values[name] = None if values[name] is None else _brief(values[name])
        if self.given is not None:
            columns = [self.given[name].to_pylist() for name in ("user", "item")]
            values["given"] = _brief(tuple(map(str, zip(*columns, strict=True))))
        return values


def as_ids(ids: str | Sequence[str]) -> tuple[str, ...]:
    """Return ids as a tuple; one id alone is a tuple of it."""
    return (ids,) if isinstance(ids, str) else tuple(str(node_id) for node_id in ids)


def _brief(texts: Sequence[str]) -> list[str] | str:
    if len(texts) <= _LISTED:
        return list(texts)
    digest = hashlib.sha256("\x00".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{len(texts)} with hash {digest[:12]}"


def _pairs(table: Any) -> pa.Table:
    table = table if isinstance(table, pa.Table) else pa.table(table)
    for name in ("user", "item"):
        if name not in table.column_names:
            raise InputError(f"given: expected columns user and item, got {table.column_names}")
    return pa.table({name: table[name].cast(pa.string()) for name in ("user", "item")})


SEEN_LEFT_OUT = Filters()
