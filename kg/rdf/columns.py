"""Columns of numbers that grow."""

from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

Number = TypeVar("Number", bound=np.integer)
BLOCK = 1 << 20  # numbers that are replaced at once


class Column(Generic[Number]):
    """Numbers in one piece of memory.

    Many small arrays that stay would keep the memory between them, which was used while they were
    made, from being given back.
    """

    def __init__(self, kind: type[Number]) -> None:
        self._values = np.empty(BLOCK, dtype=kind)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def extend(self, values: npt.NDArray[Number]) -> None:
        """Append numbers."""
        end = self._size + len(values)
        if end > len(self._values):
            larger = np.empty(max(end, 2 * len(self._values)), dtype=self._values.dtype)
            larger[: self._size] = self._values[: self._size]
            self._values = larger  # what is not used of it takes no memory
        self._values[self._size : end] = values
        self._size = end

    def values(self) -> npt.NDArray[Number]:
        """Return all numbers, without a copy."""
        return self._values[: self._size]

    def replaced(self, new: npt.NDArray[Number]) -> npt.NDArray[Number]:
        """Replace every number, in place, with what `new` has at that index; return all."""
        values = self.values()
        for start in range(0, len(values), BLOCK):
            block = values[start : start + BLOCK]
            block[:] = new[block]
        return values
