"""Arrow columns as NumPy arrays: numbers, days, and the values of lists."""

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from kg.vocab import IntArray

Doubles = npt.NDArray[np.float64]

_DATE = re.compile(r"([+-]?\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ].*|Z|[+-]\d{2}:\d{2})?)?)?")
_SEPARATORS = r"\s*[|;]\s*|,\s+"  # the last is what import joins the cells of a list with


def plain(column: Any) -> Any:
    """Return a column as one Arrow array without a dictionary."""
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else column.combine_chunks()
    return column.dictionary_decode() if pat.is_dictionary(column.type) else column


def date_share(column: Any) -> float:
    """Return the share of texts that are ISO dates, 0 where all of them are bare years."""
    given = column.drop_null()
    years, place = moments(given)
    if not np.isfinite(place).any():
        return 0.0
    return float(np.isfinite(years).mean())


def numbers(column: Any) -> Doubles:
    """Return numbers, NaN where there is none; texts are read as numbers where they are."""
    try:
        values: Doubles = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:  # texts, some of which are numbers
        values = np.array([_number(text) for text in column.to_pylist()], dtype=np.float64)
    return values


def _number(text: str | None) -> float:
    try:
        return float(text) if text is not None else np.nan
    except ValueError:
        return np.nan


def moments(column: Any) -> tuple[Doubles, Doubles]:
    """Return the year with its fraction, and the fraction alone, NaN where they are not said."""
    if pat.is_floating(column.type) or pat.is_integer(column.type):
        years = numbers(column)
        return years, np.full(len(years), np.nan)
    texts = column.cast(pa.string()).dictionary_encode()
    parsed = [_moment(text) for text in texts.dictionary.to_pylist()] + [(np.nan, np.nan)]
    codes = pc.fill_null(texts.indices, len(parsed) - 1).to_numpy(zero_copy_only=False)
    moments = np.array(parsed, dtype=np.float64)[codes]
    return moments[:, 0], moments[:, 1]


def _moment(text: str) -> tuple[float, float]:
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return np.nan, np.nan
    year, month, day = int(match[1]), int(match[2] or 1), int(match[3] or 1)
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return np.nan, np.nan
    place = (month - 1 + (day - 1) / 31) / 12
    return year + place, np.nan if match[2] is None else place


def lists(column: Any) -> Any:
    """Return the values of each node as a list of texts."""
    if pat.is_nested(column.type):
        return column.cast(pa.list_(pa.string()))
    return pc.split_pattern_regex(column.cast(pa.string()), _SEPARATORS)


def flat_lists(nested: Any) -> tuple[IntArray, Any]:
    """Return the values of all nodes one after another, and the node of each."""
    texts = pc.utf8_trim_whitespace(pc.list_flatten(nested))
    sizes = pc.fill_null(pc.list_value_length(nested), 0).to_numpy(zero_copy_only=False)
    nodes: IntArray = np.repeat(np.arange(len(sizes)), sizes)
    said = pc.fill_null(pc.not_equal(texts, ""), False)
    return nodes[said.to_numpy(zero_copy_only=False)], texts.filter(said)
