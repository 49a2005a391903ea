"""Which attributes are numbers, dates or texts: what the mapping says, or else their datatypes."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.graph import BoolArray
from kg.mapping import LiteralType
from kg.rdf.batch import RDF
from kg.rdf.triples import LiteralRows
from kg.tables.values import flat, mask_of, to_numbers

XSD = "http://www.w3.org/2001/XMLSchema#"
_SIGNED = ("byte", "short", "int", "long", "integer", "decimal", "float", "double")
_UNSIGNED = ("unsignedByte", "unsignedShort", "unsignedInt", "unsignedLong")
_BOUNDED = ("negativeInteger", "nonNegativeInteger", "nonPositiveInteger", "positiveInteger")
NUMBERS = frozenset(f"{XSD}{name}" for name in (*_SIGNED, *_UNSIGNED, *_BOUNDED, "gYear"))
TEXTS = frozenset(
    [
        *(f"{RDF}{name}" for name in ("langString", "dirLangString", "HTML", "JSON")),
        *(f"{XSD}{name}" for name in ("string", "boolean", "anyURI", "token", "language")),
        *(f"{XSD}{name}" for name in ("date", "dateTime", "dateTimeStamp", "gYearMonth", "time")),
    ]
)
DATE = r"^\s*[+-]?[0-9]{4,}(-[0-9]{2}(-[0-9]{2}([T ].*)?)?)?(Z|[+-][0-9]{2}:[0-9]{2})?\s*$"
REASON = {"number": "is not a finite number", "date": "is not an ISO date"}


def literal_type(parts: Iterable[LiteralRows], predicate: int) -> LiteralType | None:
    """Return what the datatypes of a predicate's literals say; None if only their values can.

    Numbers and years are numbers. Strings, truths and days stay as they are written, even where
    all look like numbers.
    """
    found = set()
    for part in parts:
        for kind in np.unique(part.kind[part.predicate == predicate]).tolist():
            found.add(part.kinds[kind].datatype)
    if not found or not found <= NUMBERS | TEXTS:
        return None
    return "number" if found <= NUMBERS else None if found & NUMBERS else "text"


def misfits(part: LiteralRows, types: Mapping[int, LiteralType]) -> dict[str, BoolArray]:
    """Return which literals are not what their predicate's type says, by reason.

    Args:
        part: the literals.
        types: types of predicates.
    """
    found = {reason: np.zeros(len(part.subject), dtype=np.bool_) for reason in REASON.values()}
    for predicate, kind in types.items():
        rows = np.flatnonzero(part.predicate == predicate)
        if kind != "text" and len(rows):
            values = flat(part.value.take(pa.array(rows)))
            good = to_numbers(values)[1] if kind == "number" else _dates(values)
            found[REASON[kind]][rows[~good]] = True
    return found


def _dates(values: Any) -> BoolArray:
    return mask_of(pc.match_substring_regex(values, DATE))
