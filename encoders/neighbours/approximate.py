"""Nearest neighbours among very many keys: an index proposes, exact similarity decides."""

import importlib.util
import logging
from typing import Any

import numpy as np

from encoders.base import FloatArray
from encoders.neighbours.exact import Words, nearest_neighbours
from kg.errors import ConfigError
from kg.progress import progress
from kg.vocab import IntArray

LARGE = 2 * 10**10  # pairs: above, exact search takes more than some minutes on a small machine
WIDER = 4  # candidates for each neighbour asked for; the exact similarity then chooses among them
PROBES = 32  # cells looked into
CELL_POINTS = 39  # least points for each cell that k-means is given; fewer make faiss warn
MOST_CELL_POINTS = 64  # for each cell; centroids of very many keys are no better for more
SAMPLE = 200  # queries that the measured recall is of
BLOCK = 4_096  # queries at once

_log = logging.getLogger(__name__)


def wants_approximate(search: str, num_queries: int, num_keys: int) -> bool:
    """Return whether to use an index.

    Args:
        search: "auto" (above `LARGE` pairs, where faiss is installed), "exact" or "approximate".
        num_queries: how many are asked.
        num_keys: among how many.

    Raises:
        ConfigError: "approximate" without faiss.
    """
    there = importlib.util.find_spec("faiss") is not None
    if search == "approximate" and not there:
        raise ConfigError("approximate search needs faiss: pip install 'isthmus[faiss]'")
    large = num_queries * num_keys > LARGE
    if search == "auto" and large and not there:
        _log.warning(
            "exact search of %s x %s texts takes a while; with pip install 'isthmus[faiss]' an "
            "index is used",
            f"{num_queries:,}",
            f"{num_keys:,}",
        )
    return search == "approximate" or (search == "auto" and large and there)


def approximate_neighbours(
    queries: FloatArray, keys: FloatArray, k: int, *, words: Words | None = None, seed: int = 0
) -> tuple[IntArray, FloatArray]:
    """Return about what `nearest_neighbours` returns, in time that grows slower than all pairs.

    Vectors are kept whole in cells around k-means centroids (Jegou et al. 2011), and the nearest
    cells of a query are searched. The recall against the exact answer is measured on a sample and
    logged. Word overlap only reorders candidates that the vectors found.

    Args:
        queries: `[num_queries, dim]`.
        keys: `[num_keys, dim]`.
        k: neighbours of each query.
        words: word vectors of both, and their share of the similarity.
        seed: of the centroids.
    """
    import faiss

    left, right = _normalise(queries), _normalise(keys)
    reachable = np.flatnonzero(right.any(axis=1))
    rows: IntArray = np.full((len(queries), k), -1, dtype=np.int64)
    near: FloatArray = np.zeros((len(queries), k), dtype=np.float32)
    if not len(reachable):
        return rows, near
    index = _index(faiss, right[reachable], seed)
    width = min(WIDER * k, len(reachable))
    asked = np.flatnonzero(left.any(axis=1))
    with progress("neighbours", len(asked)) as bar:
        for start in range(0, len(asked), BLOCK):
            some = asked[start : start + BLOCK]
            level, found = index.search(left[some], width)
            candidates = np.where(found >= 0, reachable[found], -1)
            if words is not None:
                level = (1 - words.share) * level + words.share * _overlap(words, some, candidates)
            level = np.where(candidates >= 0, level, -np.inf)
            # by row first, so that ties are broken as in exact search
            order = np.lexsort((candidates, -level), axis=1)[:, :k]
            best = np.take_along_axis(level, order, axis=1)
            taken = order.shape[1]
            rows[some, :taken] = np.take_along_axis(candidates, order, axis=1)
            near[some, :taken] = np.where(np.isfinite(best), best, 0)
            bar.advance(len(some))
    _report(queries, keys, rows, k, words, seed)
    return rows, near


def _index(faiss: Any, keys: FloatArray, seed: int) -> Any:
    num_cells = max(1, min(int(4 * np.sqrt(len(keys))), len(keys) // CELL_POINTS))
    index = faiss.IndexIVFFlat(
        faiss.IndexFlatIP(keys.shape[1]), keys.shape[1], num_cells, faiss.METRIC_INNER_PRODUCT
    )
    index.cp.max_points_per_centroid = MOST_CELL_POINTS
    index.cp.seed = seed + 1  # faiss takes 0 for its default
    index.train(keys)
    index.add(keys)
    index.nprobe = min(PROBES, num_cells)
    return index


def _overlap(words: Words, queries: IntArray, candidates: IntArray) -> FloatArray:
    """Return cosines of word vectors, `[len(queries), num_candidates]`."""
    width = candidates.shape[1]
    left = words.queries[np.repeat(queries, width)]
    right = words.keys[np.maximum(candidates, 0).ravel()]
    cosines = np.asarray(left.multiply(right).sum(axis=1), dtype=np.float32)
    return cosines.reshape(len(queries), width)


def _report(
    queries: FloatArray,
    keys: FloatArray,
    rows: IntArray,
    k: int,
    words: Words | None,
    seed: int,
) -> None:
    sample = np.random.default_rng(seed).permutation(len(queries))[:SAMPLE]
    if words is not None:
        words = words._replace(queries=words.queries[sample])
    exact, _ = nearest_neighbours(queries[sample], keys, k, words=words)
    hits = sum(
        len(np.intersect1d(a[a >= 0], b[b >= 0])) for a, b in zip(exact, rows[sample], strict=True)
    )
    total = int((exact >= 0).sum())
    _log.info("approximate search: recall %.3f of %d neighbours", hits / max(total, 1), total)


def _normalise(rows: FloatArray) -> FloatArray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    out: FloatArray = np.ascontiguousarray(rows / np.where(length, length, 1), dtype=np.float32)
    return out
