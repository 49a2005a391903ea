"""Latent semantic analysis: TF-IDF and a truncated SVD."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.utils.extmath import randomized_svd

from encoders.base import FloatArray
from kg.errors import InputError
from kg.files import read_json, read_manifest, write_folder, write_json

MAX_WORDS = 50_000  # the most frequent; bounds the components at MAX_WORDS x dim floats


class LsaEncoder:
    """TF-IDF of words, projected on the leading right singular vectors of the fitted texts.

    Deerwester et al., "Indexing by latent semantic analysis", 1990. Term frequencies are
    1 + log(count). A text that has no word of the fitted texts has a zero row, as an empty one.

    Args:
        dim: length of a vector; less when the fitted texts or their words are fewer.
    """

    def __init__(self, *, dim: int = 128) -> None:
        self._asked = dim
        self._words: list[str] = []
        self._idf: npt.NDArray[np.float64] = np.empty(0)
        self._components: FloatArray = np.empty((0, 0), dtype=np.float32)
        self._vectorizer: Any = None
        self._fingerprint = self._hash()

    @property
    def fitted(self) -> bool:
        """Whether it can encode."""
        return self._vectorizer is not None

    @property
    def dim(self) -> int:
        """Length of a vector; what was asked for until fitted."""
        return len(self._components) if self.fitted else self._asked

    @property
    def fingerprint(self) -> str:
        """Hash of words, weights and components; of the setting alone until fitted."""
        return self._fingerprint

    def _hash(self) -> str:
        digest = hashlib.sha256(f"lsa 1 {self._asked}\x00".encode())
        digest.update("\x00".join(self._words).encode())
        digest.update(self._idf.tobytes() + self._components.tobytes())
        return digest.hexdigest()

    def fit(self, texts: Sequence[str]) -> Self:
        """Learn words, their weights and the components; the order of `texts` does not matter.

        Raises:
            InputError: there is not one word in `texts`.
        """
        distinct = sorted({text.strip() for text in texts} - {""})
        vectorizer = _vectorizer(max_features=MAX_WORDS)
        try:
            counts = vectorizer.fit_transform(distinct)
        except ValueError as error:  # "empty vocabulary"
            raise InputError(f"lsa cannot be fitted: no words in {len(distinct)} texts") from error
        _, _, components = randomized_svd(
            counts, n_components=min(self._asked, *counts.shape), random_state=0
        )
        self._restore(
            vectorizer.get_feature_names_out().tolist(),
            vectorizer.idf_,
            np.ascontiguousarray(components, dtype=np.float32),
        )
        return self

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return one L2-normalised row per text, float32 `[len(texts), dim]`; empty text, zero.

        Raises:
            InputError: not fitted.
        """
        if not self.fitted:
            raise InputError("this lsa encoder is not fitted: call fit(texts) first")
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        counts = self._vectorizer.transform(texts)
        vectors: FloatArray = np.asarray(counts @ self._components.T, dtype=np.float32)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        np.divide(vectors, norms, out=vectors, where=norms > 0)
        return vectors

    def save(self, path: Path) -> None:
        """Write the fitted encoder as a folder, in one step.

        Raises:
            InputError: not fitted.
        """
        if not self.fitted:
            raise InputError("an lsa encoder that is not fitted cannot be saved")
        with write_folder(path, "lsa", fingerprint=self.fingerprint, dim=self._asked) as aside:
            write_json(aside / "words.json", self._words)
            tensors = {"idf": self._idf, "components": self._components}
            save_file(tensors, aside / "weights.safetensors")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a folder that `save` wrote.

        Raises:
            ArtefactError: missing or damaged.
        """
        manifest = read_manifest(path, "lsa")
        tensors = load_file(path / "weights.safetensors")
        encoder = cls(dim=manifest["dim"])
        encoder._restore(read_json(path / "words.json"), tensors["idf"], tensors["components"])
        return encoder

    def _restore(
        self, words: list[str], idf: npt.NDArray[np.float64], components: FloatArray
    ) -> None:
        self._words, self._idf, self._components = words, idf, components
        # Fitting and loading end here alike, so that both encode alike.
        self._vectorizer = _vectorizer(vocabulary=words)
        self._vectorizer.idf_ = idf
        self._fingerprint = self._hash()


def _vectorizer(**settings: Any) -> Any:
    return TfidfVectorizer(sublinear_tf=True, token_pattern=r"(?u)\b\w+\b", **settings)
