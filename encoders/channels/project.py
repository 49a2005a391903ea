"""Coordinates along principal components, evened out; fitted on what training knows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from encoders.base import FloatArray
from kg.vocab import IntArray

MOST_ROWS = 20_000  # a covariance needs no more
SMALLEST = 1e-10  # variance, of the greatest: less is rounding, which whitening would blow up


@dataclass(frozen=True, kw_only=True, eq=False)
class Projection:
    r"""Coordinates of a row x with mean m along scaled components C, at unit length: C (x - m).

    Vectors of language models are crowded into a narrow cone: a few directions that all texts share
    outweigh those that tell them apart. Component i, of variance :math:`\lambda_i`, is scaled by
    :math:`\lambda_i^{-w/2}`. With w = 1 all variances are equal (Su et al., "Whitening sentence
    representations", 2021), which makes as much of noise as of meaning; w = 1/2 is between that and
    leaving things as they are. Variances are shrunk towards their mean as far as the number of rows
    demands (Ledoit and Wolf 2004), so that few rows are hardly changed.

    Attributes:
        mean: float32 `[in_channels]`.
        components: float32 `[dim, in_channels]`.
    """

    mean: FloatArray
    components: FloatArray

    @classmethod
    def fit(cls, x: FloatArray, rows: IntArray, *, dim: int = 0, whiten: float = 0.0) -> Self:
        """Find the principal components of some rows.

        Args:
            x: `[num_nodes, in_channels]`; zero rows are unknown and left out.
            rows: the nodes that may be learned from.
            dim: components to keep, those of most variance; 0 for all.
            whiten: how far variances are made equal, from 0 (not at all) to 1 (wholly).

        Fewer than two rows, or rows that are all the same, have no components: coordinates stay.
        """
        from sklearn.covariance import ledoit_wolf

        some = x[rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_ROWS)).astype(int)]]
        some = some[some.any(axis=1)].astype(np.float64)
        width = min(dim or x.shape[1], x.shape[1])
        mean = np.zeros(x.shape[1])
        components = np.eye(width, x.shape[1])
        if len(some) > 1 and np.ptp(some, axis=0).max() > 0:  # else all say the same
            mean = some.mean(axis=0)
            covariance, _ = ledoit_wolf(some - mean, assume_centered=True)
            variance, directions = np.linalg.eigh(covariance)
            variance, directions = variance[::-1][:width], directions[:, ::-1][:, :width]
            kept = variance > SMALLEST * max(float(variance[0]), SMALLEST)
            # a component's sign is arbitrary: make its largest coordinate positive everywhere
            largest = np.abs(directions).argmax(axis=0)
            directions = directions * np.sign(directions[largest, np.arange(width)])
            scale = np.where(kept, np.where(kept, variance / variance[0], 1) ** (-whiten / 2), 0)
            components = (directions * scale).T
        return cls(
            mean=np.asarray(mean, dtype=np.float32),
            components=np.ascontiguousarray(components, dtype=np.float32),
        )

    def apply(self, x: FloatArray) -> FloatArray:
        """Return coordinates of rows, `[num_nodes, dim]`, of unit length; zero rows stay zero."""
        known = x.any(axis=1, keepdims=True)
        out: FloatArray = ((x - self.mean) @ self.components.T * known).astype(np.float32)
        length = np.linalg.norm(out, axis=1, keepdims=True)
        np.divide(out, length, out=out, where=length > 0)
        return out

    def arrays(self) -> dict[str, FloatArray]:
        """Return what is saved, by name."""
        return {"mean": self.mean, "components": self.components}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, FloatArray]) -> Self:
        """Return what `arrays` was made of."""
        return cls(mean=arrays["mean"], components=arrays["components"])
