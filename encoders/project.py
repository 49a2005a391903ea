"""Fewer coordinates: principal components of a channel, fitted on what training knows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from encoders.base import FloatArray
from kg.vocab import IntArray

SMALLEST = 1e-5  # singular value, of the greatest: less is rounding, which whitening would blow up


@dataclass(frozen=True, kw_only=True, eq=False)
class Projection:
    """Coordinates of a row x with mean m in components C: C (x - m).

    Attributes:
        mean: float32 `[in_channels]`.
        components: float32 `[dim, in_channels]`.
    """

    mean: FloatArray
    components: FloatArray

    @classmethod
    def fit(
        cls, x: FloatArray, rows: IntArray, dim: int, *, whiten: bool = False, seed: int = 0
    ) -> Self:
        """Find the principal components of some rows.

        Args:
            x: `[num_nodes, in_channels]`; zero rows are unknown and left out.
            rows: the nodes that may be learned from.
            dim: number of components; missing ones are zero.
            whiten: give all components the same variance, such that rows have unit length in root
                mean square; otherwise distances stay what they are, but for what is cut off.
            seed: of the randomised SVD (Halko et al. 2011).
        """
        from sklearn.utils.extmath import randomized_svd

        some = x[rows]
        some = some[some.any(axis=1)]
        components: FloatArray = np.zeros((dim, x.shape[1]), dtype=np.float32)
        rank = min(dim, len(some) - 1, x.shape[1])
        if rank < 1:
            mean = some[0] if len(some) else np.zeros(x.shape[1], dtype=np.float32)
            return cls(mean=np.array(mean, dtype=np.float32), components=components)
        mean = some.mean(axis=0)
        _, strength, directions = randomized_svd(some - mean, rank, n_iter=4, random_state=seed)
        if whiten:
            kept = strength > SMALLEST * max(float(strength[0]), 1e-12)
            deviation = strength / np.sqrt(len(some))
            scale = kept / np.where(kept, deviation * np.sqrt(max(kept.sum(), 1)), 1)
            directions = directions * scale[:, None]
        components[:rank] = directions
        return cls(mean=mean, components=components)

    def apply(self, x: FloatArray) -> FloatArray:
        """Return the coordinates of rows, `[num_nodes, dim]`; a zero row stays zero."""
        known = x.any(axis=1, keepdims=True)
        out: FloatArray = ((x - self.mean) @ self.components.T * known).astype(np.float32)
        return out

    def arrays(self) -> dict[str, FloatArray]:
        """Return what is saved, by name."""
        return {"mean": self.mean, "components": self.components}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, FloatArray]) -> Self:
        """Return what `arrays` was made of."""
        return cls(mean=arrays["mean"], components=arrays["components"])
