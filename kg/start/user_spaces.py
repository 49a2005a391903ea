"""Where tables of several shops number their users, each for itself: id spaces."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.start import words
from kg.start.columns import Column
from kg.start.files import stem
from kg.start.interactions import Context, Found, split_column
from kg.start.table_sample import Table

_CHANCE = 3.0  # times as many equal numbers as by chance, from which it is none
_FEW = 5  # equal numbers, from which anything follows
_NUMBERED = r"^(?P<before>[^0-9]{0,12})(?P<number>[0-9]{1,15})(?:\.0+)?$"


@dataclass(frozen=True)
class UserSpaces:
    """Which tables number their users for themselves.

    Attributes:
        names: id spaces by number of the table, of interactions or of users.
        notes: by number of a table of interactions, what its mapping says of it.
    """

    names: Mapping[int, str] = field(default_factory=dict)
    notes: Mapping[int, str] = field(default_factory=dict)


def find_user_spaces(context: Context, found: Sequence[Found]) -> UserSpaces:
    """Return an id space for each shop whose user ids are equal to those of another by chance.

    Ids are joined where no two files of different catalogues have them, where they are more than
    small numbers (a reviewer id, an e-mail address, a UUID), where more numbers are equal than by
    chance, and where one table of users has those of both.
    """
    tables = context.tables
    shops = _shops(context, found)
    doubtful: dict[int, list[tuple[int, int]]] = {}
    notes: dict[int, str] = {}
    group = list(range(len(found)))
    for i, j in combinations(range(len(found)), 2):
        one, other = found[i], found[j]
        columns = (tables[one.table].columns[one.user], tables[other.table].columns[other.user])
        shared = int(pc.sum(pc.is_in(columns[0].distinct, value_set=columns[1].distinct)).as_py())
        separate = shops[i] != shops[j] and shared > 0
        if separate and _by_chance(columns, (tables[one.table], tables[other.table]), shared):
            doubtful.setdefault(i, []).append((j, shared))
            doubtful.setdefault(j, []).append((i, shared))
            continue
        if separate:
            both = " and ".join(tables[some.table].file.path.name for some in (one, other))
            for some in (one, other):
                notes.setdefault(
                    some.table, f"{shared:,} user ids seen are in {both}: taken for the same people"
                )
        if separate or shops[i] == shops[j]:
            group = [group[i] if number == group[j] else number for number in group]
    # files of one shop are of one space, whichever of them a doubt is about
    doubtful = {
        i: others for i, others in doubtful.items() if any(group[i] != group[j] for j, _ in others)
    }
    if not doubtful:
        return UserSpaces(notes=notes)
    first = sorted({group[i] for i in doubtful})
    heads = dict(zip(first, _names([tables[found[i].table] for i in first]), strict=True))
    names = {one.table: heads[group[i]] for i, one in enumerate(found) if group[i] in heads}
    users = {
        reference.table
        for one in found
        for reference in context.references[one.table][one.user]
        if reference.table not in names and split_column(tables[reference.table]) is None
    }
    for i, others in doubtful.items():
        j, shared = max(others, key=lambda pair: pair[1])
        file = tables[found[j].table].file.path.name
        notes[found[i].table] = (
            f"user ids are small numbers: {shared:,} seen are in {file}, too, perhaps by chance. "
            "If they are the same people, delete each `space`; if some are, [[crosswalk]] says who"
        )
    own = dict(_of_users(users, names, tables))
    if len(own) == len(users):
        return UserSpaces(names={**names, **own}, notes=notes)
    notes = {
        table: f"user ids are small numbers that several files have: {_one_table(users, tables)}"
        for table in names
    }
    return UserSpaces(notes=notes)


def _one_table(users: set[int], tables: Sequence[Table]) -> str:
    if len(users) == 1:
        return f"taken for the same people, since {tables[min(users)].file.path.name} has them all"
    return "taken for the same people; if they are not, give each file's users a `space`"


def _shops(context: Context, found: Sequence[Found]) -> list[int]:
    """Return a number for each table of interactions, the same for those with one catalogue."""
    shops: list[int] = []
    for i, one in enumerate(found):
        same = (shops[j] for j in range(i) if _one_catalogue(context, one, found[j]))
        shops.append(next(same, i))
    return shops


def _one_catalogue(context: Context, one: Found, other: Found) -> bool:
    catalogues = [
        [reference.table for reference in context.references[some.table][some.item]][:1]
        for some in (one, other)
    ]
    if any(catalogues):
        return catalogues[0] == catalogues[1]
    items = [context.tables[some.table].columns[some.item] for some in (one, other)]
    if items[0].kind == "integer" and one.item != other.item:
        return False  # two that count from 1 on
    return bool(pc.any(pc.is_in(items[0].distinct, value_set=items[1].distinct)).as_py())


def _by_chance(columns: Sequence[Column], tables: Sequence[Table], shared: int) -> bool:
    """Return whether so many equal ids say nothing: two that count their users have as many."""
    numbers = [_numbers(column) for column in columns]
    if numbers[0] is None or numbers[1] is None or numbers[0][0] != numbers[1][0]:
        return False
    one, other = numbers[0][1], numbers[1][1]
    width = max(one.max(), other.max()) - min(one.min(), other.min()) + 1
    # a sample of a sorted file has some users and not others
    dense = not all(t.complete for t in tables) and width <= min(t.num_rows for t in tables)
    return bool(dense or shared <= _CHANCE * len(one) * len(other) / width + _FEW)


def _numbers(column: Column) -> tuple[str, Any] | None:
    """Return what stands before all numbers, and the numbers; None where ids are anything else."""
    parts = pc.extract_regex(column.distinct, _NUMBERED)
    if parts.null_count or not len(parts):
        return None
    before = pc.unique(parts.field("before"))
    if len(before) > 1:
        return None
    return before[0].as_py(), parts.field("number").cast(pa.int64()).to_numpy().astype(np.float64)


def _names(tables: Sequence[Table]) -> list[str]:
    names = [words.domain_name(stem(table.file.path)) for table in tables]
    if len(set(names)) < len(names):
        folders = (table.file.path.absolute().parent.name for table in tables)
        names = [f"{folder}-{name}" for folder, name in zip(folders, names, strict=True)]
    if len(set(names)) < len(names):
        names = [f"{name}-{number}" for number, name in enumerate(names, 1)]
    return [name.replace(":", "-") for name in names]


def _of_users(
    users: set[int], names: Mapping[int, str], tables: Sequence[Table]
) -> Iterator[tuple[int, str]]:
    """Yield the tables of users whose file is called like one space alone, with that space."""
    for table in users:
        said = set(words.words(stem(tables[table].file.path)))
        fits = {name for name in names.values() if said & set(words.words(name)) - words.USER}
        if len(fits) == 1:
            yield table, fits.pop()
