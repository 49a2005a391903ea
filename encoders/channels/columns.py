"""Attribute columns as coordinates: each is fitted on some nodes and applied to any."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from encoders.base import FloatArray
from encoders.channels.cells import Doubles, flat_lists, lists, moments, numbers
from kg.vocab import IntArray

SCALE = 0.1  # of a standardised number: a unit text vector's coordinates are of about that size
CATEGORY_SCALE = 0.3  # length of a category's row: a few of 32 coordinates share what it says
MOST_DEVIATIONS = 5.0  # a mistyped year must not outweigh everything else that is known
MOST_VALUES = 32  # of a categorical column
FEWEST_NODES = 5  # of a value that is worth a coordinate


@dataclass(frozen=True, kw_only=True)
class Numeric:
    """A number, standardised, beside a coordinate that says that it is known."""

    kind: ClassVar[str] = "numeric"
    name: str
    mean: float
    scale: float

    @property
    def width(self) -> int:
        """Number of coordinates."""
        return 2

    @classmethod
    def fit(cls, name: str, column: Any, rows: IntArray) -> Self | None:
        """Return mean and deviation over `rows`, None where the number is the same in all."""
        measured = _measure(numbers(column)[rows])
        return None if measured is None else cls(name=name, mean=measured[0], scale=measured[1])

    def apply(self, column: Any) -> FloatArray:
        """Return `[num_nodes, 2]`; a row is zero where the number is unknown."""
        return _standardise(numbers(column), self.mean, self.scale)


@dataclass(frozen=True, kw_only=True)
class Date:
    """A day: standardised time, a mark that it is known, and where in the year it falls.

    `cycle` is False where no two days differ in their place in the year.
    """

    kind: ClassVar[str] = "date"
    name: str
    mean: float
    scale: float
    cycle: bool

    @property
    def width(self) -> int:
        """Number of coordinates."""
        return 4 if self.cycle else 2

    @classmethod
    def fit(cls, name: str, column: Any, rows: IntArray) -> Self | None:
        """Return mean and deviation over `rows`, None where the time is the same in all."""
        years, place = (values[rows] for values in moments(column))
        measured = _measure(years)
        if measured is None:
            return None
        placed = place[np.isfinite(place)]
        cycle = bool(len(placed) and np.ptp(placed) > 0)
        return cls(name=name, mean=measured[0], scale=measured[1], cycle=cycle)

    def apply(self, column: Any) -> FloatArray:
        """Return `[num_nodes, 4]`, or 2 without a cycle; a row is zero where nothing is known."""
        years, place = moments(column)
        parts = [_standardise(years, self.mean, self.scale)]
        if self.cycle:
            known = np.isfinite(place)
            angle = 2 * np.pi * np.where(known, place, 0)
            around = np.stack([np.sin(angle), np.cos(angle)], axis=1) * known[:, None] * SCALE
            parts.append(around.astype(np.float32))
        return np.concatenate(parts, axis=1)


@dataclass(frozen=True, kw_only=True)
class Categorical:
    """One coordinate for each frequent value; several values share a row's length."""

    kind: ClassVar[str] = "categorical"
    name: str
    values: tuple[str, ...]

    @property
    def width(self) -> int:
        """Number of coordinates."""
        return len(self.values)

    @classmethod
    def fit(cls, name: str, column: Any, rows: IntArray) -> tuple[Self | None, float]:
        """Return the frequent values of `rows`, and the share of nodes that have any of them.

        Values of fewer than five nodes are left out, and those of all nodes: they tell nobody
        apart. None where no value is left.
        """
        nodes, texts = flat_lists(lists(column).take(pa.array(rows)))
        coded = texts.dictionary_encode()
        codes = coded.indices.to_numpy(zero_copy_only=False)
        pairs = np.unique(np.stack([nodes, codes], axis=1), axis=0)
        counts = np.bincount(pairs[:, 1], minlength=len(coded.dictionary))
        named = zip(coded.dictionary.to_pylist(), counts.tolist(), strict=True)
        frequent = [(-n, value) for value, n in named if FEWEST_NODES <= n < len(rows)]
        values = tuple(value for _, value in sorted(frequent)[:MOST_VALUES])
        kept = np.array([value in values for value in coded.dictionary.to_pylist()], dtype=np.bool_)
        covered = len(np.unique(pairs[kept[pairs[:, 1]], 0])) if len(pairs) else 0
        share = covered / max(len(np.unique(nodes)), 1)
        return (cls(name=name, values=values) if values else None), share

    def apply(self, column: Any) -> FloatArray:
        """Return `[num_nodes, num_values]`; a row is zero where no frequent value is known."""
        out: FloatArray = np.zeros((len(column), len(self.values)), dtype=np.float32)
        nodes, texts = flat_lists(lists(column))
        found = pc.fill_null(pc.index_in(texts, value_set=pa.array(self.values, pa.string())), -1)
        codes = found.to_numpy(zero_copy_only=False)
        out[nodes[codes >= 0], codes[codes >= 0]] = 1
        out *= CATEGORY_SCALE / np.sqrt(np.maximum(out.sum(axis=1, keepdims=True), 1))
        return out


@dataclass(frozen=True, kw_only=True)
class Vectors:
    """A vector that was made elsewhere, brought to unit length."""

    kind: ClassVar[str] = "vectors"
    name: str
    dim: int

    @property
    def width(self) -> int:
        """Number of coordinates."""
        return self.dim

    @classmethod
    def fit(cls, name: str, column: Any, rows: IntArray) -> Self | None:
        """Return the most frequent length of `rows`, None where there is no vector."""
        lengths = pc.list_value_length(column.take(pa.array(rows))).drop_null().to_numpy()
        counts = np.bincount(lengths) if len(lengths) else np.zeros(1)
        dim = int(counts.argmax())
        return cls(name=name, dim=dim) if dim else None

    def apply(self, column: Any) -> FloatArray:
        """Return L2-normalised rows `[num_nodes, dim]`, zero where there is none of that length."""
        out: FloatArray = np.zeros((len(column), self.dim), dtype=np.float32)
        fits = pc.fill_null(pc.equal(pc.list_value_length(column), self.dim), False)
        values = pc.list_flatten(column.filter(fits)).cast(pa.float64())
        rows = pc.fill_null(values, np.nan).to_numpy(zero_copy_only=False).reshape(-1, self.dim)
        with np.errstate(invalid="ignore", over="ignore"):
            rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        fine = np.isfinite(rows).all(axis=1, keepdims=True)
        out[fits.to_numpy(zero_copy_only=False)] = np.where(fine, rows, 0)
        return out


Column = Numeric | Date | Categorical | Vectors


def _measure(values: Doubles) -> tuple[float, float] | None:
    """Return mean and deviation of what is finite, None where these do not tell nodes apart."""
    known = values[np.isfinite(values)]
    if not len(known) or known.min() == known.max():
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        mean, scale = float(known.mean()), float(known.std())
    return (mean, scale) if np.isfinite(mean) and np.isfinite(scale) and scale > 0 else None


def _standardise(values: Doubles, mean: float, scale: float) -> FloatArray:
    known = np.isfinite(values)
    with np.errstate(over="ignore"):
        standard = (np.where(known, values, mean) - mean) / scale
    standard = np.clip(standard, -MOST_DEVIATIONS, MOST_DEVIATIONS)
    return (np.stack([standard, known], axis=1) * SCALE).astype(np.float32)
