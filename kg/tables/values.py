"""Columns of strings to texts, numbers and times, without a Python loop over rows."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kg.graph import BoolArray

NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_ONE = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
# a comma without a space may be that of a decimal number, so that it needs brackets
NUMBERS = rf"^(\[\s*{_ONE}(,\s*{_ONE})+\s*\]|{_ONE}(, {_ONE})+)$"

Doubles = npt.NDArray[np.float64]


def flat(column: Any) -> Any:
    """Return a column as one Arrow string array without nulls; null becomes `""`."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # what combine_chunks gives for zero chunks
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.string())
    return pc.fill_null(column.cast(pa.string()), "")


def mask_of(column: Any) -> BoolArray:
    """Return an Arrow boolean column as a NumPy mask, null as False."""
    mask: BoolArray = pc.fill_null(column, False).to_numpy(zero_copy_only=False)
    return mask


def is_blank(column: Any) -> BoolArray:
    """Return where a string column has nothing but white space."""
    return mask_of(pc.equal(pc.utf8_trim_whitespace(column), ""))


def join_text(parts: Sequence[Any], num_rows: int) -> Any:
    """Join columns row by row with `". "`, leaving out empty parts and repeats of earlier ones."""
    if not parts:
        return pa.array([""] * num_rows, pa.string())
    trimmed = [pc.utf8_trim_whitespace(part) for part in parts]
    if len(trimmed) == 1:
        return trimmed[0]
    pieces = []
    for i, part in enumerate(trimmed):
        drop = pc.equal(part, "")
        for earlier in trimmed[:i]:
            drop = pc.or_(drop, pc.equal(part, earlier))
        pieces.append(pc.if_else(drop, "", pc.binary_join_element_wise(". ", part, "")))
    # a join that skips nulls loses the rows that are all null, so the first separator is cut off
    return pc.utf8_slice_codeunits(pc.binary_join_element_wise(*pieces, ""), 2)


def to_numbers(column: Any) -> tuple[Doubles, BoolArray]:
    """Return the numbers in a string column, and where there is a finite one."""
    trimmed = pc.utf8_trim_whitespace(column)
    valid = pc.match_substring_regex(trimmed, NUMBER)
    digits = pc.utf8_ltrim(pc.if_else(valid, trimmed, "0"), "+")
    values: Doubles = pc.cast(digits, pa.float64()).to_numpy(zero_copy_only=False).copy()
    return values, mask_of(valid) & np.isfinite(values)


def to_times(column: Any) -> tuple[Doubles, BoolArray]:
    """Return numbers as they are and ISO dates as seconds since 1970, and where either is given.

    A date without a zone is taken as UTC. Numbers and dates cannot be compared: in a column that
    has both, those that are fewer are not valid.
    """
    values, numeric = to_numbers(column)
    rest = column.filter(pa.array(~numeric))
    if not len(rest):
        return values, numeric
    encoded = rest.dictionary_encode()
    parsed = np.array([_seconds(text) for text in encoded.dictionary.to_pylist()])
    seconds = parsed[encoded.indices.to_numpy()]
    dated = np.zeros(len(values), dtype=np.bool_)
    dated[~numeric] = np.isfinite(seconds)
    if dated.sum() > numeric.sum():
        values[~numeric] = seconds
        return values, dated
    return values, numeric


def to_attribute(column: Any) -> Any:
    """Return a string column as the narrowest of what every value in it is; `""` is null.

    Numbers become float64; lists of the same number of numbers, as `import` joins them or in square
    brackets, list<float>; all else stays string.
    """
    filled = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    present = filled.drop_null()
    if len(present) and to_numbers(present)[1].all():
        values, valid = to_numbers(column)
        return pa.array(values, mask=~valid)
    if len(present) and mask_of(pc.match_substring_regex(present, NUMBERS)).all():
        lists = pc.split_pattern_regex(pc.utf8_trim(filled, " []"), r",\s*")
        lengths = pc.list_value_length(lists).drop_null()
        if pc.min(lengths) == pc.max(lengths):
            return lists.cast(pa.list_(pa.float32()))
    return filled


def _seconds(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return np.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
