"""Columns of times in the usual forms to seconds since 1970."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.graph import BoolArray
from kg.tables.values import Doubles, flat, is_text, native_numbers, to_numbers

UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
FIRST = -62_135_596_800  # the first day of the year 1, before which Python has no dates


@dataclass
class TimeColumn:
    """Reads a column of times, batch by batch.

    Without a format, numbers stay as they are and ISO dates become seconds since 1970, in UTC where
    they name no zone. The two cannot be compared: in a file that has both, those that are fewer in
    the first batch are not valid.

    Attributes:
        format: `s`, `ms`, `us` or `ns` for numbers of that unit since 1970; otherwise directives
            as of `datetime.strptime`.
    """

    format: str | None = None
    _numeric: bool | None = None  # what the first batch was

    @property
    def meaning(self) -> str:
        """What a value should have been, for messages."""
        if self.format is None:
            return "neither a finite number nor an ISO date"
        if self.format in UNITS:
            return "not a finite number"
        return f"not a time as in {self.format!r}"

    def read(self, columns: list[Any]) -> tuple[Doubles, BoolArray]:
        """Return the times of a batch of string or native columns, and which are valid."""
        found = [self._read(column) for column in columns]
        values = np.concatenate([part[0] for part in found])
        numeric = np.concatenate([part[1] for part in found])
        dated = np.concatenate([part[2] for part in found])
        if self._numeric is None and (numeric.any() or dated.any()):
            self._numeric = bool(numeric.sum() >= dated.sum())
        return values, numeric if self._numeric else dated

    def _read(self, column: Any) -> tuple[Doubles, BoolArray, BoolArray]:
        """Return values, which of them are numbers, and which are dates."""
        none = np.zeros(len(column), dtype=np.bool_)
        if not is_text(column.type):
            values = native_numbers(column)
            if pa.types.is_temporal(column.type):
                return values, none, np.isfinite(values)
            return values / UNITS.get(self.format or "s", 1.0), np.isfinite(values), none
        column = flat(column)
        if self.format in UNITS:
            values, valid = to_numbers(column)
            return values / UNITS[self.format], valid, none
        if self.format is not None:
            values = _each(column, partial(_seconds, parse=_parser(self.format)))
            return values, none, np.isfinite(values)
        dates = _iso_at_once(column)
        if dates is not None:
            return dates, none, ~none
        values, numeric = to_numbers(column)
        if numeric.all():
            return values, numeric, none
        seconds = _each(column.filter(pa.array(~numeric)), _seconds)
        values[~numeric] = seconds
        dated = ~numeric
        dated[~numeric] = np.isfinite(seconds)
        return values, numeric, dated


def _iso_at_once(column: Any) -> Doubles | None:
    """Return the seconds of a column in which all are ISO dates of one kind, else None."""
    if not len(column) or "-" not in (column[0].as_py() or "")[1:]:
        return None
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            seconds = native_numbers(pc.cast(column, kind))
        except pa.ArrowInvalid:
            continue
        return seconds if seconds.min() >= FIRST else None
    return None


def _each(column: Any, seconds: Callable[[str], float]) -> Doubles:
    encoded = column.dictionary_encode()
    parsed = np.array([seconds(text) for text in encoded.dictionary.to_pylist()], dtype=np.float64)
    values: Doubles = parsed[encoded.indices.to_numpy(zero_copy_only=False)]
    return values


def check_format(format: str) -> None:
    """Refuse what is neither a unit nor directives that `strptime` knows.

    Raises:
        ValueError: names what is wrong with it.
    """
    if format in UNITS:
        return
    wrong = f"time_format = {format!r}"
    if "%" not in format:
        units = ", ".join(map(repr, UNITS))
        raise ValueError(f"{wrong}: must be one of {units}, or directives as in '%d/%m/%Y'")
    try:
        datetime.strptime("", format)
    except re.error:
        raise ValueError(f"{wrong} says one thing twice") from None
    except ValueError as error:
        if not str(error).startswith("time data"):  # that "" is no such time is as it should be
            raise ValueError(f"{wrong}: {error}") from None


def _parser(format: str) -> Callable[[str], datetime]:
    return lambda text: datetime.strptime(text, format)


def _seconds(text: str, parse: Callable[[str], datetime] = datetime.fromisoformat) -> float:
    try:
        moment = parse(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return np.nan
