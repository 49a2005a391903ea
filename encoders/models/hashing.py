"""A deterministic encoder that learns nothing: for tests, and for trying a job out quickly."""

import hashlib
import re
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from encoders.base import FloatArray

_WORD = re.compile(r"\w+")


class HashingEncoder:
    """Signed feature hashing of words and of their character trigrams (Weinberger et al., 2009).

    Texts that share words, or parts of words, are near. The same on every machine and in every
    process: Python's own `hash` is not.

    Args:
        dim: length of a vector.
    """

    def __init__(self, *, dim: int = 128) -> None:
        self.dim = dim

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the method and its dimension."""
        return hashlib.sha256(f"hashing 1 {self.dim}".encode()).hexdigest()

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return one L2-normalised row per text, float32 `[len(texts), dim]`; empty text, zero."""
        vectors: FloatArray = np.zeros((len(texts), self.dim), dtype=np.float32)
        known: dict[str, FloatArray] = {}
        for row, text in enumerate(texts):
            for word in _WORD.findall(text.lower()):
                if word not in known:
                    known[word] = self._word(word)
                vectors[row] += known[word]
            if norm := np.linalg.norm(vectors[row]):
                vectors[row] /= norm
            elif text.strip():
                # No word in it, or its words cancel: it still is a text of its own.
                vectors[row, _bucket(f"text {text}", self.dim)[0]] = 1
        return vectors

    def _word(self, word: str) -> FloatArray:
        vector: FloatArray = np.zeros(self.dim, dtype=np.float32)
        padded = f"<{word}>"
        parts = [padded[i : i + 3] for i in range(len(padded) - 2)]
        # The word itself weighs as much as all its parts together.
        for part, weight in [(f"word {word}", 1.0), *((p, 1 / len(parts)) for p in parts)]:
            column, sign = _bucket(part, self.dim)
            vector[column] += sign * weight
        return vector


def _bucket(feature: str, dim: int) -> tuple[int, int]:
    """Return the column and the sign of a feature."""
    value = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest(), "little")
    return (value >> 1) % dim, 1 if value & 1 else -1
