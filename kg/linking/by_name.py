"""Candidates by name: equal as written, equal after normalising, or equal in the first named."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from kg.linking.candidates import Candidates, equal_pairs
from kg.linking.names import (
    BRACKETS,
    INITIALS,
    LEVELS,
    SHORTER,
    Named,
    first_named,
    keys,
    variants,
    written,
)
from kg.linking.sides import Side
from kg.vocab import IntArray

SAME_NAME = 1_000  # nodes of one name that are looked at
UNCHECKED = 0.005  # off confidence, for a year that the other side has not
FIRST_NAMED = 0.3  # off confidence, since what joins several is not quite any one of them


def by_name(source: Side, target: Side, rows: IntArray, method: str) -> Candidates:
    """Return targets that have the name of a source.

    One side may lack words in brackets at the end of a name, and initials in the middle; but if
    both have them they must be equal, except for brackets of which one has a year. Of several ways
    to be equal, the surest counts.

    Args:
        source: whose nodes are looked for.
        target: where.
        rows: of the source, those to look for.
        method: "exact", "normalised" or "first_named".
    """
    chosen = np.isin(source.name_row, rows)
    row, names = source.name_row[chosen], source.names.filter(pa.array(chosen))
    usable = target.usable[target.name_row]
    their_row, their_names = target.name_row[usable], target.names.filter(pa.array(usable))
    if method == "exact":
        i, j = equal_pairs(written(names), written(their_names), SAME_NAME)
        return Candidates.of(row[i], their_row[j])
    if method == "first_named":
        names = first_named(names)
        several = names.is_valid().to_numpy(zero_copy_only=False)
        row, names = row[several], names.drop_null()
    mine = variants(row, names)
    theirs = variants(their_row, their_names)
    found = _of_all_levels(mine, theirs)
    if method == "first_named":
        return found._replace(confidence=found.confidence - FIRST_NAMED)
    return found


def agreeing(
    pairs: Candidates, source: Side, target: Side, within: int, *, graded: bool
) -> Candidates:
    """Leave out pairs whose years are further apart; perhaps trust unknown years less.

    Args:
        pairs: of rows of the sides.
        source: has years.
        target: has years.
        within: greatest difference that is no contradiction.
        graded: whether a year of the source that the target has not counts less than one it has.
    """
    years = source.years[pairs.source]
    apart = np.abs(years - target.years[pairs.target])
    kept = ~(apart > within)
    pairs, years, apart = pairs.where(kept), years[kept], apart[kept]
    if not graded:
        return pairs
    less = np.where(np.isfinite(years) & ~np.isfinite(apart), UNCHECKED, 0.0)
    return pairs._replace(confidence=pairs.confidence - less)


def _of_all_levels(mine: Named, theirs: Named) -> Candidates:
    left, right = keys(mine.name), keys(theirs.name)
    parts = [_at_level(mine, theirs, left[level], right[level], LEVELS[level]) for level in LEVELS]
    return Candidates.of(*_joined(parts))


def _at_level(mine: Named, theirs: Named, left: Any, right: Any, level: float) -> Candidates:
    i, j = equal_pairs(left, right, SAME_NAME)
    shared = mine.without[i] & theirs.without[j]
    fits = (shared == 0) | ((shared == BRACKETS) & (mine.dated[i] | theirs.dated[j]))
    i, j = i[fits], j[fits]
    left_out = np.zeros(len(i))
    for names in (mine.without[i], theirs.without[j]):
        left_out += (names & BRACKETS > 0).astype(np.float64) + (names & INITIALS > 0)
    return Candidates(mine.row[i], theirs.row[j], level - SHORTER * left_out)


def _joined(parts: Iterable[Candidates]) -> tuple[Any, Any, Any]:
    source, target, confidence = zip(*parts, strict=True)
    return np.concatenate(source), np.concatenate(target), np.concatenate(confidence)
