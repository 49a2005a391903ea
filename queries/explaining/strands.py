"""Strands: what single items of a user's history add to a signal, as columns."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from kg.vocab import IntArray
from queries.explaining.path import Kind

Values = npt.NDArray[np.float64]
NOBODY: IntArray = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Strands:
    """Contributions of one kind to one signal.

    Attributes:
        kind: what joins the user's item with the explained one.
        own: rows of the user's items, int64 `[n]`.
        adds: what each adds to the signal before it is scaled, float64 `[n]`.
        relation: of the graph, where one leads to the item.
        middle: rows of entities of `middle_type` in between, -1 for none, `[n]`.
        middle_type: node type of `middle`.
        via: rows of items that stand in for the explained one, -1 for none, `[n]`: its text
            neighbours, or what `relation` joins it with.
        people: how many people go this way, 0 where that is not known, `[n]`.
    """

    kind: Kind
    own: IntArray
    adds: Values
    relation: str = ""
    middle: IntArray = field(default_factory=lambda: NOBODY)
    middle_type: str = ""
    via: IntArray = field(default_factory=lambda: NOBODY)
    people: IntArray = field(default_factory=lambda: NOBODY)

    def column(self, name: str, missing: int) -> IntArray:
        """Return `middle`, `via` or `people`, filled up where there is none."""
        values: IntArray = getattr(self, name)
        return values if len(values) else np.full(len(self.own), missing)


@dataclass(frozen=True, kw_only=True, eq=False)
class Asker:
    """Who asks.

    Attributes:
        row: among the users that the model has learned from; -1 for a newcomer.
        history: items used in every domain that takes part, rows `[num_used]`.
        own: those of them that like people are found by: of the sources alone for cold users.
        compared: those that users are compared by otherwise (`World.profile`).
    """

    row: int
    history: IntArray
    own: IntArray
    compared: IntArray


def outer(
    kind: Kind,
    own: IntArray,
    via: IntArray,
    adds: Values,
    *,
    item: int,
    relation: str = "",
    people: IntArray = NOBODY,
) -> Strands:
    """Return the strands of a table of own items x stand-ins; the item stands in for itself.

    Args:
        kind: of all of them.
        own: rows `[num_own]`.
        via: rows `[num_via]`.
        adds: float64 `[num_own, num_via]`.
        item: the explained one.
        relation: that joins stand-ins with the item.
        people: `[num_own]`.
    """
    place, column = np.nonzero(adds)
    through = via[column]
    return Strands(
        kind=kind,
        own=own[place],
        adds=adds[place, column],
        relation=relation,
        via=np.where(through == item, -1, through),
        people=people[place] if len(people) else people,
    )


def row_of(matrix: Any, row: int) -> tuple[IntArray, Values]:
    """Return the columns of one row of a CSR matrix and their values."""
    start, stop = matrix.indptr[row : row + 2]
    return matrix.indices[start:stop].astype(np.int64), matrix.data[start:stop].astype(np.float64)
