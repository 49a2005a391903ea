"""The one interface of every text encoder."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


@runtime_checkable
class TextEncoder(Protocol):
    """Turns texts into L2-normalised vectors.

    An encoder that must be fitted (TF-IDF + SVD) is fitted before it is used as one of these.
    """

    @property
    def dim(self) -> int:
        """Length of a vector."""

    @property
    def fingerprint(self) -> str:
        """Hash of everything that decides a vector: weights, pooling, length limit, precision."""

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return one row per text, `[len(texts), dim]`; the row of an empty text is zero."""
