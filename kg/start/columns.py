"""What the values of a column look like: numbers, times, ids, texts, and how often they repeat."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from kg.start import words

Kind = Literal["empty", "integer", "number", "date", "iri", "text", "word", "nested"]

_INTEGER = r"^[+-]?[0-9]{1,18}(\.0+)?$"
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.,+Zz-]*)?$"
_IRI = r"^(https?|urn|ftp)://?[^\s]+$|^<[^\s<>]+>$"
_MOST = 0.98  # of the values, for the column to be called what they are
_TEXT_WORDS = 2.5  # words in a mean value, from which a string is a text


@dataclass(frozen=True)
class Column:
    """A sample of one column.

    Attributes:
        name: as the file has it.
        values: the sample, trimmed, without empty cells; Arrow strings.
        num_rows: rows of the sample, those with an empty cell included.
        nested: whether cells hold lists or tables.
    """

    name: str
    values: Any
    num_rows: int
    nested: bool = False

    @property
    def filled(self) -> float:
        """Share of the rows that have a value."""
        return len(self.values) / self.num_rows if self.num_rows else 0.0

    @cached_property
    def distinct(self) -> Any:
        """The different values."""
        return pc.unique(self.values)

    @property
    def uniqueness(self) -> float:
        """How many different values there are for each filled cell."""
        return len(self.distinct) / len(self.values) if len(self.values) else 0.0

    @cached_property
    def mean_words(self) -> float:
        """Mean number of words of a value."""
        if not len(self.values):
            return 0.0
        return 1 + float(pc.mean(pc.count_substring(self.values, " ")).as_py())

    @cached_property
    def kind(self) -> Kind:
        """What nearly all values are."""
        if self.nested:
            return "nested"
        if not len(self.values):
            return "empty"
        for kind, pattern in (("integer", _INTEGER), ("number", _NUMBER), ("date", _DATE)):
            if self._matching(pattern) >= _MOST:
                return kind  # type: ignore[return-value]
        if self._matching(_IRI) >= _MOST:
            return "iri"
        return "text" if self.mean_words >= _TEXT_WORDS else "word"

    @cached_property
    def range(self) -> tuple[float, float]:
        """Smallest and greatest value of a column of numbers."""
        numbers = pc.if_else(
            pc.match_substring_regex(self.values, _NUMBER), pc.utf8_ltrim(self.values, "+"), None
        )
        bounds = pc.min_max(numbers.cast(pa.float64())).as_py()
        return float(bounds["min"]), float(bounds["max"])

    @property
    def is_time(self) -> bool:
        """Whether the values are dates, or numbers that can be seconds or milliseconds."""
        if self.kind == "date":
            return True
        if self.kind not in ("integer", "number"):
            return False
        low, high = self.range
        return (low >= 2e8 and high <= 4.2e9) or (low >= 2e11 and high <= 4.2e12)

    @property
    def may_be_id(self) -> bool:
        """Whether the values may name nodes."""
        if self.kind in ("empty", "number", "date", "nested") or self.is_time:
            return False
        if self.kind == "integer":
            negative = pc.any(pc.starts_with(self.values, "-")).as_py()
            return not negative and not self._is_measure
        return self.kind != "text" or words.says(self.name, words.IDENTIFIER)

    @property
    def _is_measure(self) -> bool:
        named = words.says(self.name, words.WEIGHT | words.TIME | words.PART)
        return named and not words.says(self.name, words.IDENTIFIER)

    @property
    def is_key(self) -> bool:
        """Whether each row has a value of its own, nearly."""
        return self.may_be_id and self.filled >= 0.95 and self.uniqueness >= 0.95

    @property
    def parts(self) -> bool:
        """Whether the values say which rows are to learn from and which to test with."""
        if self.kind != "word" or len(self.distinct) > 4:
            return False
        return {value.lower() for value in self.distinct.to_pylist()} <= words.PARTS

    def _matching(self, pattern: str) -> float:
        return float(
            pc.mean(pc.match_substring_regex(self.values, pattern).cast(pa.int8())).as_py()
        )
