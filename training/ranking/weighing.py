"""What signals add to a score: scaled, squashed and weighed in few passes over memory."""

from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from kg.vocab import IntArray
from training.baselines.base import FloatArray
from training.baselines.matrices import CACHED_CELLS, Sparse, deviations, in_units, turned
from training.ranking.new_items import NewItems
from training.ranking.people import People

# What a signal says: of every pair, float32 `[users, items]`; of every user the same,
# `[1, items]`; or of few pairs something and of all others zero, CSR `[users, items]`.
Said = Any

DENSE = 0.2  # of the cells of a sparse signal: with more of them it is quicker without indices
_SIGN = np.uint32(1 << 31)


class OfItems:
    """Signals that are the same for every user.

    Args:
        values: of all items by name, `[num_items]`.
    """

    def __init__(self, values: Mapping[str, FloatArray]) -> None:
        self._values = {name: of_each.astype(np.float32) for name, of_each in values.items()}

    def asked_by(self, people: People) -> Self:
        """Return itself."""
        del people
        return self

    def columns(self, items: IntArray) -> dict[str, FloatArray]:
        """Return the signals of these items by name, `[1, len(items)]`."""
        return {name: values[items][None] for name, values in self._values.items()}

    def new_columns(self, new: NewItems) -> dict[str, FloatArray]:
        """Return the signals of items that nothing was learned from: nothing is known of them."""
        return {name: np.zeros((1, len(new)), dtype=np.float32) for name in self._values}

    def said(self, users: IntArray, columns: dict[str, FloatArray]) -> Iterator[tuple[str, Said]]:
        """Yield signals by name, `[1, num_columns]`."""
        del users
        for name, row in columns.items():
            yield name, row.copy()


class OfFactors:
    """A signal that is the product of factors of a user and of an item.

    Args:
        name: of the signal.
        users: factors `[num_users, width]`.
        items: factors `[num_items, width]`.
    """

    def __init__(self, name: str, users: FloatArray, items: FloatArray) -> None:
        self._name, self._users, self._items = name, users, items

    def columns(self, items: IntArray) -> FloatArray:
        """Return factors of these items, `[width, len(items)]`."""
        return turned(self._items, items)

    def new_columns(self, new: NewItems) -> FloatArray:
        """Return the same of items that nothing was learned from: nobody used them."""
        return np.zeros((self._items.shape[1], len(new)), dtype=np.float32)

    def said(self, users: IntArray, columns: FloatArray) -> Iterator[tuple[str, Said]]:
        """Yield the signal by name, `[len(users), num_columns]`."""
        yield self._name, self._users[users] @ columns


def add_weighed(total: FloatArray, said: Said, plain: float, squashed: float) -> None:
    r"""Add $a x + b\,\mathrm{sign}(x) \ln(1 + 3 |x|)$, with $x$ the signal over its deviation.

    A row that says the same of all items adds nothing.

    Args:
        total: float32 `[users, items]`, added to in place.
        said: a signal before it is scaled; overwritten.
        plain: $a$.
        squashed: $b$.
    """
    if not total.size:
        return
    if not isinstance(said, np.ndarray):
        if said.nnz <= DENSE * total.size:
            _add_sparse(total, said, plain, squashed)
            return
        said = said.toarray()
    if len(said) < len(total):
        row = np.zeros_like(said)
        _add_dense(row, said, plain, squashed)
        total += row
    else:
        _add_dense(total, said, plain, squashed)


def dense(said: Said, users: int) -> FloatArray:
    """Return a signal as float32 `[users, items]`, an array of its own."""
    if not isinstance(said, np.ndarray):
        said = said.toarray()
    whole: FloatArray = np.array(np.broadcast_to(said, (users, said.shape[1])), dtype=np.float32)
    return whole


def deviations_of(said: Said) -> FloatArray:
    """Return the deviation of each row of a signal, float32 `[rows, 1]`, as it will be scaled."""
    if isinstance(said, np.ndarray):
        return deviations(np.ascontiguousarray(said, dtype=np.float32))
    if said.nnz > DENSE * said.shape[0] * said.shape[1]:
        return deviations(said.toarray())
    rows = np.repeat(np.arange(said.shape[0]), np.diff(said.indptr))
    return _sparse_deviations(said, rows)[:, None]


def add_in_units(
    total: FloatArray, said: Said, unit: FloatArray, plain: float, squashed: float
) -> None:
    """Do as `add_weighed` where the deviation is known, because it is that of other items.

    Args:
        total: float32 `[users, items]`, added to in place.
        said: a signal before it is scaled.
        unit: its deviation, `[users, 1]`; where it is 0 nothing is added.
        plain: $a$.
        squashed: $b$.
    """
    x = dense(said, len(total)) * _inverse(unit)
    total += np.float32(plain) * x
    total += np.float32(squashed) * np.copysign(np.log1p(np.float32(3) * np.abs(x)), x)


def _add_dense(total: FloatArray, said: FloatArray, plain: float, squashed: float) -> None:
    said = np.ascontiguousarray(said, dtype=np.float32)
    step = max(1, CACHED_CELLS // said.shape[1])
    room = np.empty((min(step, len(said)), said.shape[1]), dtype=np.float32)
    for start in range(0, len(said), step):
        x, sums = said[start : start + step], total[start : start + step]
        scale = _inverse(deviations(x))
        if squashed:
            curve = room[: len(x)]
            np.abs(x, out=curve)
            curve *= np.float32(3) * scale
            np.log1p(curve, out=curve)
            curve *= np.float32(squashed)
            # the sign of x, by its bit: `copysign` and `sign` take as long as the logarithm
            bits = curve.view(np.uint32)
            bits ^= x.view(np.uint32) & _SIGN
            sums += curve
        if plain:
            x *= np.float32(plain) * scale
            sums += x


def _add_sparse(total: FloatArray, said: Sparse, plain: float, squashed: float) -> None:
    counts = np.diff(said.indptr)
    rows = np.repeat(np.arange(len(total)), counts)
    x: FloatArray = said.data * _inverse(_sparse_deviations(said, rows))[rows]
    part = np.float32(plain) * x
    part += np.float32(squashed) * np.copysign(np.log1p(np.float32(3) * np.abs(x)), x)
    total[rows, said.indices] += part


def _sparse_deviations(said: Sparse, rows: npt.NDArray[Any]) -> FloatArray:
    """Return the deviation of each row, float32 `[users]`, of what is stored and of the zeros."""
    users, items = said.shape
    largest = np.zeros(users, dtype=np.float32)
    np.maximum.at(largest, rows, np.abs(said.data))
    relative = said.data.astype(np.float64) / np.where(largest > 0, largest, 1)[rows]
    mean = np.bincount(rows, relative, minlength=users) / items
    squares = np.bincount(rows, relative**2, minlength=users) / items
    deviation = np.sqrt(np.maximum(squares - mean**2, 0))
    return in_units(deviation, largest)


def _inverse(deviation: FloatArray) -> FloatArray:
    some = deviation > 0
    inverse: FloatArray = np.where(some, 1 / np.where(some, deviation, 1), 0)
    return inverse
