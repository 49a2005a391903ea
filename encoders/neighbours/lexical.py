"""What texts share word by word: TF-IDF, kept sparse."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from scipy import sparse

WORD = r"(?u)\b\w+\b"
COMMON = 0.05  # share of texts: words of more say little, and cost most of a product of all pairs
ALWAYS_RARE = 50  # texts: however few there are, a word of fewer is not common


class Lexicon:
    """TF-IDF of words, fitted on some texts.

    Language models see that two texts mean the same; names, brands and rare words they blur. Term
    frequencies are 1 + log(count). Words of a single text are left out, since they join nothing,
    and so are words of very many.

    Args:
        texts: what words and their weights are learned of.

    Attributes:
        vectors: of these texts, L2-normalised, float32 `[len(texts), num_words]`.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._vectorizer: Any = TfidfVectorizer(
            sublinear_tf=True,
            min_df=2,
            max_df=max(int(COMMON * len(texts)), ALWAYS_RARE),
            token_pattern=WORD,
            dtype=np.float32,
        )
        try:
            found = self._vectorizer.fit_transform(texts).tocsr()
        except ValueError:  # no word is left
            self._vectorizer, found = None, sparse.csr_matrix((len(texts), 1), dtype=np.float32)
        self.vectors = cast(sparse.csr_matrix, found)

    def transform(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Return vectors of other texts, `[len(texts), num_words]`; words not learned are lost."""
        if self._vectorizer is None:
            return sparse.csr_matrix((len(texts), 1), dtype=np.float32)
        return cast(sparse.csr_matrix, self._vectorizer.transform(texts).tocsr())
