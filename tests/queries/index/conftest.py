"""Vectors in clusters, as embeddings lie."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest

from queries.index.approximate import Approximate

collect_ignore_glob = [] if importlib.util.find_spec("faiss") else ["test_*.py"]


@pytest.fixture(scope="session")
def vectors():
    """12,000 vectors in 60 clusters with biases, and 60 questions near them."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(60, 20))
    of = rng.integers(60, size=12_000)
    rows = centres[of] + 0.5 * rng.normal(size=(12_000, 20))
    asked = centres + 0.5 * rng.normal(size=(60, 20))
    bias = rng.normal(size=12_000)
    return tuple(array.astype(np.float32) for array in (rows, bias, asked))


@pytest.fixture(scope="session")
def cells(vectors):
    """An index over all but the last thousand rows."""
    rows, bias, _ = vectors
    return Approximate.build(rows, bias, np.arange(11_000), seed=0)


@pytest.fixture(scope="session", params=["ivf-sq8", "ivf-pq", "hnsw"])
def wide(request, vectors, cells):
    """An index of each kind that spends enough to find nearly all."""
    rows, bias, _ = vectors
    index = cells
    if request.param != cells.kind:
        index = Approximate.build(rows, bias, np.arange(11_000), seed=0, kind=request.param)
    return replace(index, effort={"ivf-sq8": 85, "ivf-pq": 171, "hnsw": 3_200}[request.param])
