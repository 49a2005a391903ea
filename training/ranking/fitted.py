"""What signals took long to make: arrays by name, made once in a job and kept with its model."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from training.baselines.matrices import Sparse

Array = npt.NDArray[Any]


class Fitted:
    """Arrays of one world. What is not there yet is made when it is asked for.

    Args:
        seed: of everything random.
        kept: made earlier, of the same world with the same seed.
    """

    def __init__(self, seed: int, kept: Mapping[str, Array] | None = None) -> None:
        self.seed = seed
        self._kept = dict(kept or {})

    @property
    def kept(self) -> Mapping[str, Array]:
        """Everything by name: what was given, and what was made since."""
        return self._kept

    def arrays(self, *names: str, make: Callable[[], tuple[Array, ...]]) -> tuple[Array, ...]:
        """Return arrays by name, all of them from `make` where one is missing."""
        if not all(name in self._kept for name in names):
            self._kept.update(zip(names, make(), strict=True))
        return tuple(self._kept[name] for name in names)

    def matrix(self, name: str, make: Callable[[], Sparse]) -> Sparse:
        """Return a CSR matrix, from `make` where it is missing."""

        def parts() -> tuple[Array, ...]:
            made = make()
            made.sort_indices()  # what is read from a file cannot be sorted in place
            shape = np.array(made.shape)
            index = np.int32 if max(made.nnz, *made.shape) < 2**31 else np.int64
            return made.data, made.indices.astype(index), made.indptr.astype(index), shape

        self.arrays(*_parts_of(name), make=parts)
        return matrix_in(self._kept, name)


def matrix_in(kept: Mapping[str, Array], name: str) -> Sparse:
    """Return a CSR matrix that `Fitted.matrix` has made."""
    from scipy.sparse import csr_array

    data, indices, indptr, shape = (kept[part] for part in _parts_of(name))
    return csr_array((data, indices, indptr), shape=tuple(shape.tolist()))


def _parts_of(name: str) -> list[str]:
    return [f"{name}.{part}" for part in ("data", "indices", "indptr", "shape")]
