"""Candidates by vectors of texts: the nearest targets of each source, exact, in blocks."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kg.errors import ConfigError, InputError
from kg.linking.candidates import Candidates
from kg.linking.sides import Side
from kg.progress import progress
from kg.vocab import IntArray

Encode = Callable[[str, Sequence[str]], npt.NDArray[np.float32]]  # encoder, texts -> vectors
NEAR = 6  # targets of each source: itself, the best, and those that make it ambiguous
BLOCK_BYTES = 256 * 1024**2
BAR_FROM = 1 << 27  # pairs; a shorter search shows no bar


def by_vectors(
    source: Side,
    target: Side,
    rows: IntArray,
    encoder: str,
    encode: Encode | None,
    threshold: float,
) -> Candidates:
    """Return the nearest targets of each source whose cosine is the threshold or more.

    Args:
        source: whose nodes are looked for.
        target: where.
        rows: of the source, those to look for.
        encoder: what to call the encoder by.
        encode: makes vectors of texts, `[num_texts, dim]`.
        threshold: least cosine.

    Raises:
        ConfigError: there is nothing to encode with.
        InputError: a vector is not finite.
    """
    if encode is None:
        raise ConfigError('the method "nearest" needs an encoder: import by the command `isthmus`')
    keys = np.flatnonzero(target.usable)
    if not (len(rows) and len(keys)):
        return Candidates.of(rows[:0], rows[:0])
    texts = source.texts.take(pa.array(rows)).to_pylist()
    texts += target.texts.take(pa.array(keys)).to_pylist()
    vectors = _directions(np.array(encode(encoder, texts), dtype=np.float32), len(texts))
    found = nearest(vectors[: len(rows)], vectors[len(rows) :], threshold)
    return Candidates.of(rows[found.source], keys[found.target], found.confidence)


def nearest(
    queries: npt.NDArray[np.float32],
    keys: npt.NDArray[np.float32],
    threshold: float,
    *,
    block_bytes: int = BLOCK_BYTES,
) -> Candidates:
    """Return up to `NEAR` keys for each query whose cosine is the threshold or more.

    Args:
        queries: unit rows, or zero rows which are near nothing, `[num_queries, dim]`.
        keys: the same, `[num_keys, dim]`.
        threshold: least cosine.
        block_bytes: most similarities held at once, in bytes (one query's at least).
    """
    k = min(NEAR, len(keys))
    rows = max(1, block_bytes // (4 * len(keys)))
    parts = []
    total = len(queries) if len(queries) * len(keys) >= BAR_FROM else None
    with progress("nearest names", total) as bar:
        for start in range(0, len(queries), rows):
            near = queries[start : start + rows] @ keys.T
            best = np.argpartition(-near, k - 1, axis=1)[:, :k]
            level = np.take_along_axis(near, best, axis=1)
            row, column = np.nonzero(level >= threshold)
            parts.append((row + start, best[row, column], level[row, column]))
            bar.advance(len(near))
    source, target, cosine = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Candidates.of(source, target, np.minimum(cosine, 1.0))


def _directions(vectors: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.float32]:
    if vectors.ndim != 2 or len(vectors) != count:
        raise InputError(f"expected a matrix of {count} vectors, got the shape {vectors.shape}")
    if not np.isfinite(vectors).all():
        raise InputError("the encoder gave a vector that is not finite")
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    np.divide(vectors, length, out=vectors, where=length > 0)
    return vectors
