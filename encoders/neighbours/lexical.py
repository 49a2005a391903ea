"""What texts share word by word: TF-IDF, kept sparse."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from scipy import sparse

WORD = r"(?u)\b\w+\b"
COMMON = 0.05  # share of texts: words of more say little, and cost most of a product of all pairs
ALWAYS_RARE = 50  # texts: however few there are, a word of fewer is not common


def lexical_vectors(texts: Sequence[str]) -> sparse.csr_matrix:
    """Return L2-normalised TF-IDF of words, float32 `[len(texts), num_words]`.

    Language models see that two texts mean the same; names, brands and rare words they blur. Term
    frequencies are 1 + log(count). Words of a single text are left out, since they join nothing,
    and so are words of very many.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer: Any = TfidfVectorizer(
        sublinear_tf=True,
        min_df=2,
        max_df=max(int(COMMON * len(texts)), ALWAYS_RARE),
        token_pattern=WORD,
        dtype=np.float32,
    )
    try:
        return cast(sparse.csr_matrix, vectorizer.fit_transform(texts).tocsr())
    except ValueError:  # no word is left
        return sparse.csr_matrix((len(texts), 1), dtype=np.float32)
