"""Names to keys that are equal where people would call two names the same."""

import re
from collections import Counter
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kg.graph import BoolArray
from kg.tables.values import nulled
from kg.vocab import IntArray

SHORTER = 0.03  # off confidence, for each thing that was left out of a name
# Confidence orders links, from what is surely the same name to what takes more good will.
LEVELS = {"as written": 1.0, "case": 0.98, "punctuation": 0.96, "article": 0.94, "spaces": 0.92}

# Signs on Latin, Greek and Cyrillic letters only: elsewhere a mark may be a vowel.
_MARKS = "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+"
_LETTERS = {  # that have no sign to take off
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th",
    "\u0131": "i",
}  # fmt: skip
_APOSTROPHES = "['\u2019\u2018\u0060\u00b4\u02bc]"
BRACKETS, INITIALS = 1, 2
_PREFIXED = re.compile(r"^[A-Za-z][\w.-]*:(?!//)(?=\S+$)")
_FIRST = (
    r"(?i)^(?P<first>.+?)\s*"
    r"(?:\s(?:&|\+|and|with|feat\.?|ft\.?|featuring|vs\.?|versus)\s|[,;]\s|\s/\s).*$"
)
_QUALIFIED = r"^(?P<base>.*\S)\s*\((?P<words>[^()]*)\)$"
_INITIALS = r"(\p{L}{2,})(?: \p{Lu}\.?)+ (\p{L}{2,})"
_YEAR = r"(?:^|[^0-9])(?P<year>1[5-9][0-9]{2}|20[0-9]{2})(?:$|[^0-9a-z])"


class Named(NamedTuple):
    """Names of nodes, in full and shortened.

    Attributes:
        row: node of each name, int64 `[num_names]`.
        name: Arrow strings `[num_names]`.
        without: what was left out of it, the sum of `BRACKETS` and `INITIALS`; int64 `[num_names]`.
        dated: whether a year stood in the brackets that were left out, bool `[num_names]`.
    """

    row: IntArray
    name: Any
    without: IntArray
    dated: BoolArray


def variants(row: IntArray, names: Any) -> Named:
    """Return every name, and again without brackets at its end and initials in its middle.

    Args:
        row: node of each name.
        names: Arrow strings.
    """
    full = Named(row, names, np.zeros(len(row), dtype=np.int64), np.zeros(len(row), dtype=np.bool_))
    parts = pc.extract_regex(pc.utf8_trim_whitespace(names), _QUALIFIED)
    has = parts.is_valid()
    some = parts.filter(has)
    rows = np.flatnonzero(has.to_numpy(zero_copy_only=False))
    dated = np.isfinite(years_in(pc.struct_field(some, "words")))
    base = Named(row[rows], pc.struct_field(some, "base"), np.full(len(rows), BRACKETS), dated)
    both = _joined(full, base)
    short = pc.replace_substring_regex(both.name, _INITIALS, r"\1 \2")
    fewer = pc.not_equal(short, both.name)
    rows = np.flatnonzero(fewer.to_numpy(zero_copy_only=False))
    return _joined(
        both,
        Named(both.row[rows], short.filter(fewer), both.without[rows] + INITIALS, both.dated[rows]),
    )


def keys(names: Any) -> dict[str, Any]:
    """Return the key of each name at each of `LEVELS`; null where nothing is left of it."""
    trimmed = written(names)
    folded = fold(trimmed)
    bare = pc.replace_substring_regex(folded, r"^(?:the|an?) |, (?:the|an?)$", "")
    article = _plain(bare, folded)
    found = {
        "as written": trimmed,
        "case": folded,
        "punctuation": _plain(folded, folded),
        "article": article,
        "spaces": pc.replace_substring(article, " ", ""),
    }
    return {level: nulled(key) for level, key in found.items()}


def written(names: Any) -> Any:
    """Return names with single spaces, null for empty ones."""
    return nulled(_spaced(names))


def fold(names: Any) -> Any:
    """Return names in small letters without signs on them; compatible forms become the common.

    >>> fold(pa.array(["Motörhead", "SIGUR RÓS", "Ｂｊöｒｋ"])).to_pylist()
    ['motorhead', 'sigur ros', 'bjork']
    """
    folded = pc.replace_substring_regex(pc.utf8_normalize(names, form="NFKD"), _MARKS, "")
    folded = pc.utf8_lower(folded)
    for letter, plain in _LETTERS.items():
        folded = pc.replace_substring(folded, letter, plain)
    return folded


def first_named(names: Any) -> Any:
    """Return the first of several that a name joins, null where it names one.

    One word alone is too little to know somebody by, so that it is null too.

    >>> first_named(pa.array(["Ann Lee & Bob", "Ann feat. Bob", "Ann Lee"])).to_pylist()
    ['Ann Lee', None, None]
    """
    parts = pc.extract_regex(names, _FIRST)
    first = pc.struct_field(parts, "first")
    return pc.if_else(pc.match_substring_regex(first, r"\S\s+\S"), first, None)


def years_in(cells: Any) -> npt.NDArray[np.float64]:
    """Return the first year from 1500 to 2099 in each string, NaN where there is none."""
    found = pc.struct_field(pc.extract_regex(pc.utf8_lower(cells), _YEAR), "year")
    years: npt.NDArray[np.float64] = found.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return years


def qualifier_years(names: Any) -> npt.NDArray[np.float64]:
    """Return the year in the brackets at the end of each name, NaN where there is none."""
    parts = pc.extract_regex(pc.utf8_trim_whitespace(names), _QUALIFIED)
    return years_in(pc.struct_field(parts, "words"))


def names_of_ids(ids: list[str]) -> list[str]:
    """Return names for nodes that have none: what an IRI says behind its namespace.

    A `/` may be a part of a name. The namespace of an IRI is, of all places where it could end,
    the one that most IRIs have as their last.

    >>> names_of_ids(["http://a.org/r/AC/DC", "http://a.org/r/Emma", "http://a.org/r/Jane_Eyre"])
    ['AC/DC', 'Emma', 'Jane Eyre']
    """
    count = Counter(_namespaces(node_id)[-1] for node_id in ids)
    names = []
    for node_id in ids:
        # of equally frequent ones the longest
        namespace = max(_namespaces(node_id), key=lambda some: (count[some], len(some)))
        name = node_id[len(namespace) :] or node_id
        names.append(unquote(name).replace("_", " ").strip() if namespace else name)
    return names


def _namespaces(node_id: str) -> list[str]:
    scheme = node_id.find("://")
    if scheme < 0:
        prefix = _PREFIXED.match(node_id)
        return [prefix.group() if prefix else ""]
    trimmed = node_id.rstrip("/#")
    ends = [i + 1 for i, sign in enumerate(trimmed) if sign in "/#" and i > scheme + 2]
    return [node_id[:end] for end in ends] or [""]


def _joined(one: Named, other: Named) -> Named:
    return Named(
        row=np.concatenate([one.row, other.row]),
        name=pa.concat_arrays([one.name, other.name]),
        without=np.concatenate([one.without, other.without]),
        dated=np.concatenate([one.dated, other.dated]),
    )


def _spaced(names: Any) -> Any:
    return pc.replace_substring_regex(pc.utf8_trim_whitespace(names), r"\s+", " ")


def _plain(names: Any, otherwise: Any) -> Any:
    """Return names without punctuation; those that are nothing but that stay as they are."""
    plain = pc.replace_substring_regex(names, r"&|\s\+\s", " and ")
    plain = pc.replace_substring_regex(plain, _APOSTROPHES, "")
    plain = _spaced(pc.replace_substring_regex(plain, r"[\p{P}\p{S}]+", " "))
    return pc.if_else(pc.equal(plain, ""), otherwise, plain)
