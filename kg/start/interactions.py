"""Which table says who used what, and which of its columns are the two."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from kg.start import words
from kg.start.columns import Column
from kg.start.files import stem
from kg.start.links import IriLink, Reference, iri_link, references
from kg.start.rdf_sample import RdfSample
from kg.start.table_sample import Table

_ENOUGH = 5.0  # points, from which a table is taken for one of interactions
_FEW = 20  # rows, below which nothing follows from a column without repeats


@dataclass
class Context:
    """All tables with what links them, looked up once."""

    tables: Sequence[Table]
    rdf: RdfSample

    @cached_property
    def references(self) -> list[dict[str, list[Reference]]]:
        """For each table and column: the tables whose ids it holds."""
        return [
            {name: references(self.tables, number, name) for name in table.columns}
            for number, table in enumerate(self.tables)
        ]

    @cached_property
    def iris(self) -> list[dict[str, IriLink | None]]:
        """For each table and column: how its values are IRIs of the RDF files."""
        return [
            {name: iri_link(column, self.rdf) for name, column in table.columns.items()}
            for table in self.tables
        ]


@dataclass(frozen=True)
class Found:
    """A table of interactions.

    Attributes:
        table: its number.
        user: column of who.
        item: column of what.
        score: how sure it is, in points.
        others: further pairs of columns that it could be, with their points.
    """

    table: int
    user: str
    item: str
    score: float
    others: tuple[tuple[str, str, float], ...] = ()


def find_interactions(context: Context, candidates: Sequence[int]) -> list[Found]:
    """Return the tables of interactions among the candidates, the surest first."""
    found = [_best_pair(context, number) for number in candidates]
    sure = [one for one in found if one is not None and one.score >= _ENOUGH]
    return sorted(sure, key=lambda one: -one.score)


def split_column(table: Table) -> Column | None:
    """Return the column that says which part of a split a node is in, where a table has no more."""
    parts = [column for column in table.columns.values() if column.parts]
    rest = [column for column in table.columns.values() if not column.parts]
    one_more = len(parts) == 1 and len(rest) == 1 and rest[0].uniqueness > 0.99
    return parts[0] if one_more else None


def _best_pair(context: Context, number: int) -> Found | None:
    table = context.tables[number]
    ids = [c.name for c in table.columns.values() if c.may_be_id and not c.parts and c.filled > 0.5]
    users = {name: _as_user(context, number, name) for name in ids}
    items = {name: _as_item(context, number, name) for name in ids}
    pairs = [
        (user, item, users[user] + items[item] + 0.5 * (ids.index(user) < ids.index(item)))
        for user in ids
        for item in ids
        if user != item and users[user] > 0 and items[item] > 0
    ]
    if not pairs:
        return None
    pairs.sort(key=lambda pair: -pair[2])
    user, item, points = pairs[0]
    points += math.log10(max(table.num_rows, 1)) / 2
    points += 2 * words.says(stem(table.file.path), words.INTERACTION_FILE)
    points += any(column.is_time for column in table.columns.values())
    points += any(words.says(name, words.WEIGHT) for name in table.columns)
    if table.num_rows > _FEW and (table.columns[user].is_key or table.columns[item].is_key):
        points -= 4  # a row for each node is a table of nodes
    near = tuple(pair for pair in pairs[1:] if pair[2] > pairs[0][2] - 2)
    return Found(number, user, item, points, near)


def _as_user(context: Context, number: int, name: str) -> float:
    points = 3.0 * words.says(name, words.USER) - 3.0 * words.says(name, words.ITEM)
    for reference in context.references[number][name]:
        file = stem(context.tables[reference.table].file.path)
        points += 3 if words.says(file, words.USER) else -1
    points -= 2 * (context.iris[number][name] is not None)
    if len(context.tables[number].columns[name].distinct) < 3 and not points:
        points -= 3
    return points + 0.5  # what nothing is known of may be a user


def _as_item(context: Context, number: int, name: str) -> float:
    points = 3.0 * words.says(name, words.ITEM) - 3.0 * words.says(name, words.USER)
    if context.iris[number][name] is not None:
        points += 3
    for reference in context.references[number][name][:1]:
        table = context.tables[reference.table]
        texts = any(column.kind in ("text", "word") for column in table.columns.values())
        about_users = words.says(stem(table.file.path), words.USER)
        points += -2 if about_users else 3 if texts else 2
    return points
