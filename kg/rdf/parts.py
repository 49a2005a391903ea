"""What was kept of each RDF file, and what is rejected of it once all nodes are known."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kg.graph import BoolArray
from kg.mapping import LiteralType
from kg.rdf.datatypes import misfits
from kg.rdf.triples import LinkRows, LiteralRows
from kg.rejects import Tally

NOT_IN_CATALOGUE = "not in the catalogue"


@dataclass(frozen=True)
class Part:
    """What was kept of one file."""

    section: int
    tally: Tally
    links: LinkRows
    literals: LiteralRows
    edge: BoolArray  # which links are edges
    typing: BoolArray  # which links say a class that the mapping knows

    def mentioned(self, size: int) -> BoolArray:
        """Return which terms are nodes because of this file."""
        mask = np.zeros(size, dtype=np.bool_)
        mask[self.links.subject[self.edge | self.typing]] = True
        mask[self.links.object[self.edge]] = True
        mask[self.literals.subject] = True
        return mask


def without_rejected(
    part: Part,
    names: Any,
    predicates: Mapping[str, int],
    rejected: BoolArray,
    types: Mapping[int, LiteralType],
) -> Part:
    """Reject what is said of terms that the catalogue lacks, and what is not of its type.

    Args:
        part: the triples; those that stay are counted as loaded, but for edges.
        names: names of terms.
        predicates: numbers of predicates.
        rejected: which terms should have been in the catalogue and are not.
        types: types of the attributes among the predicates.
    """
    links, literals, tally = part.links, part.literals, part.tally
    iris = list(predicates)
    bad = rejected[links.subject] & (part.typing | part.edge)
    bad |= rejected[links.object] & part.edge
    for i in np.flatnonzero(bad).tolist():
        ends = (names[int(links.subject[i])].as_py(), names[int(links.object[i])].as_py())
        raw = f"{ends[0]} {iris[links.predicate[i]]} {ends[1]}"
        tally.reject(_line(links.line[i]), raw, NOT_IN_CATALOGUE)
    reasons = {NOT_IN_CATALOGUE: rejected[literals.subject]}
    for what, wrong in misfits(literals, types).items():
        reasons[what] = wrong & ~reasons[NOT_IN_CATALOGUE]
    silent = np.zeros(len(literals.subject), dtype=np.bool_)
    for reason, wrong in reasons.items():
        silent |= wrong
        for i in np.flatnonzero(wrong).tolist():
            name, value = names[int(literals.subject[i])].as_py(), literals.value[i].as_py()
            raw = f"{name} {iris[literals.predicate[i]]} {value!r}"
            tally.reject(_line(literals.line[i]), raw, reason)
    tally.loaded += int((part.typing & ~bad).sum()) + int((~silent).sum())
    return replace(
        part,
        literals=literals.take(~silent) if silent.any() else literals,
        edge=part.edge & ~bad,
        typing=part.typing & ~bad,
    )


def _line(line: Any) -> int | None:
    return int(line) if line > 0 else None
