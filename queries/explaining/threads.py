"""Threads: strands of all signals that go the same way, spun together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kg.vocab import IntArray
from queries.explaining.path import Kind
from queries.explaining.strands import NOBODY, Strands, Values

Way = tuple[Kind, str, str]  # kind, relation, and type of what is in the middle
ITEM = "item"  # of a way that leads through stand-ins


@dataclass(frozen=True, kw_only=True, eq=False)
class Threads:
    """Every way from the user's items to the explained one, as columns.

    Attributes:
        own: rows of the user's items, int64 `[n]`.
        way: what joins: a place in `ways`, `[n]`.
        ways: kind, relation and node type of what is in the middle.
        middle: rows of that type, -1 for none, `[n]`.
        via: the item that most goes through, which stands in for the explained one; -1, `[n]`.
        others: how many more do, `[n]`.
        people: how many people go this way; 0 where that is not known, `[n]`.
        adds: to the score, float64 `[n]`.
        of_part: what is traced of each part of the score.
        standing: rows of text neighbours that stand in, and what goes through each of them; one row
            may come more than once.
    """

    own: IntArray
    way: IntArray
    ways: Sequence[Way]
    middle: IntArray
    via: IntArray
    others: IntArray
    people: IntArray
    adds: Values
    of_part: Mapping[str, float]
    standing: tuple[IntArray, Values]


def gather(found: Sequence[tuple[str, Strands, Values]]) -> Threads:
    """Return strands with what they add to the score, those of the same way as one.

    Args:
        found: part of the score, strands, and what each adds to it, float64 `[n]`.
    """
    of_part: dict[str, float] = {}
    for part, _, adds in found:
        of_part[part] = of_part.get(part, 0.0) + float(adds.sum())
    ways: list[Way] = []
    columns = []
    for _, some, _ in found:
        # what leads through stand-ins is another way than what leads to the item itself
        via = some.column("via", -1)
        plain = _place(ways, (some.kind, some.relation, some.middle_type))
        standing = _place(ways, (some.kind, some.relation, ITEM))
        columns.append(
            (
                some.own,
                np.where(via >= 0, standing, plain),
                some.column("middle", -1),
                via,
                some.column("people", 0),
            )
        )
    if not columns:
        none: Values = np.empty(0)
        return Threads(
            own=NOBODY, way=NOBODY, ways=ways, middle=NOBODY, via=NOBODY, others=NOBODY,
            people=NOBODY, adds=none, of_part=of_part, standing=(NOBODY, none),
        )  # fmt: skip
    own, way, middle, via, people = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    adds = np.concatenate([adds for _, _, adds in found])
    texts = np.array([way[1] == "" for way in ways])
    there = (via >= 0) & texts[way]
    # one stand-in of one way first, then all of a way
    fine, adds_fine, people_fine = _sums(np.stack([own, way, middle, via]), adds, people)
    order = np.lexsort((-np.abs(adds_fine), *fine[2::-1]))
    fine, adds_fine, people_fine = fine[:, order], adds_fine[order], people_fine[order]
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = (fine[:3, 1:] != fine[:3, :-1]).any(axis=0)
    starts = np.flatnonzero(first)
    sizes = np.diff(np.append(starts, len(order)))
    return Threads(
        own=fine[0, starts],
        way=fine[1, starts],
        ways=ways,
        middle=fine[2, starts],
        via=fine[3, starts],
        others=sizes - 1,
        people=np.maximum.reduceat(people_fine, starts),
        adds=np.add.reduceat(adds_fine, starts),
        of_part=of_part,
        standing=(via[there], adds[there]),
    )


def _place(ways: list[Way], way: Way) -> int:
    """Return where a way stands; it is added where it is new."""
    if way not in ways:
        ways.append(way)
    return ways.index(way)


def _sums(keys: IntArray, adds: Values, people: IntArray) -> tuple[IntArray, Values, IntArray]:
    """Return distinct columns of `keys`, the sums of what they add, and the most people."""
    distinct, place = np.unique(keys, axis=1, return_inverse=True)
    total = np.bincount(place.ravel(), adds, minlength=distinct.shape[1]).astype(np.float64)
    most = np.zeros(distinct.shape[1], dtype=np.int64)
    np.maximum.at(most, place.ravel(), people)
    return distinct, total, most
