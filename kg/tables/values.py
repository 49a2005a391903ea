"""Columns of strings to texts and numbers, without a Python loop over rows."""

from collections.abc import Iterable, Sequence
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


def chunks_of(column: Any) -> list[Any]:
    """Return the Arrow arrays that a column is made of."""
    return column.chunks if isinstance(column, pa.ChunkedArray) else [column]


def bytes_of(columns: Iterable[Any]) -> int:
    """Return how many bytes all strings of Arrow columns have."""
    return sum(pc.sum(pc.binary_length(column)).as_py() or 0 for column in columns)


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
    """Return the numbers in a column of strings or numbers, and where there is a finite one."""
    if not is_text(column.type):
        return _finite(native_numbers(column))
    column = flat(column)
    try:
        # takes nothing that the pattern below does not, but for infinities and NaN
        return _finite(_doubles(pc.cast(column, pa.float64())))
    except pa.ArrowInvalid:
        pass
    trimmed = pc.utf8_trim_whitespace(column)
    valid = pc.match_substring_regex(trimmed, NUMBER)
    digits = pc.utf8_ltrim(pc.if_else(valid, trimmed, "0"), "+")
    values = _doubles(pc.cast(digits, pa.float64()))
    return values, mask_of(valid) & np.isfinite(values)


def _finite(values: Doubles) -> tuple[Doubles, BoolArray]:
    return values, np.isfinite(values)


def is_text(kind: Any) -> bool:
    """Return whether an Arrow type is that of strings."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def native_numbers(column: Any) -> Doubles:
    """Return numbers, or times as seconds since 1970, of a column that is no text; null is NaN."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("s"))
    if pa.types.is_timestamp(column.type):
        seconds = _doubles(column.cast(pa.int64()).cast(pa.float64(), safe=False))
        return seconds / {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}[column.type.unit]
    return _doubles(column.cast(pa.float64(), safe=False))


def _doubles(column: Any) -> Doubles:
    values: Doubles = column.to_numpy(zero_copy_only=False)
    return values if values.flags.writeable else values.copy()


def nulled(column: Any) -> Any:
    """Return a string column with null for `""`."""
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)


def to_attribute(column: Any) -> Any:
    """Return a string column as the narrowest of what every value in it is; `""` is null.

    Numbers become float64; lists of the same number of numbers, as `import` joins them or in square
    brackets, list<float>; all else stays string.
    """
    filled = nulled(column)
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
