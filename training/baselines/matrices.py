"""What the floors share: histories as sparse rows, text profiles, blocks of users, scaling."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from kg.graph import BoolArray
from kg.vocab import IntArray
from training.baselines.base import FloatArray
from training.evaluation.split import Split

BLOCK_BYTES = 67_108_864  # of temporary arrays inside one call of `score`
CACHED_CELLS = 1 << 17  # of a float32 block that stays in the cache between passes
CONSTANT = 1e-6  # deviation of a row that is called constant, relative to its largest value

# scipy ships no types, so a sparse matrix is Any; every one here is CSR, float32.
Sparse = Any


def source_mask(split: Split) -> BoolArray:
    """Return the items that knowledge comes from: in a source domain and not in the target."""
    return split.train.item_mask(*split.sources) & ~split.train.item_mask(split.target)


def history_mask(split: Split) -> BoolArray:
    """Return the items of all domains that take part: the sources and the target."""
    return split.train.item_mask(*split.sources, split.target)


def own_mask(split: Split) -> BoolArray:
    """Return the items that like people are found by: of the sources alone for cold users."""
    return source_mask(split) if split.protocol == "user-cold" else history_mask(split)


def histories(split: Split, items: BoolArray) -> Sparse:
    """Return the 0/1 matrix of training interactions, sparse `[num_users, num_items]`.

    Args:
        split: only its `train` is read.
        items: bool `[num_items]`; columns outside are left empty.
    """
    from scipy.sparse import csr_array

    graph = split.train
    edges = graph.interaction_edges
    kept = items[edges.dst]
    users, rows = edges.src[kept], edges.dst[kept]
    matrix = csr_array(
        (np.ones(len(users), dtype=np.float32), (users, rows)),
        shape=(len(graph.users), len(graph.items)),
    )
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def scale_columns(matrix: Sparse, factors: FloatArray) -> Sparse:
    """Return the matrix with column `j` multiplied by `factors[j]`."""
    scaled = matrix.copy()
    scaled.data *= factors[scaled.indices]
    return scaled


def scale_rows(matrix: Sparse, factors: FloatArray) -> Sparse:
    """Return the matrix with row `i` multiplied by `factors[i]`."""
    scaled = matrix.copy()
    scaled.data *= np.repeat(factors, np.diff(matrix.indptr))
    return scaled


def top_of_rows(matrix: Sparse, k: int) -> Sparse:
    """Return the matrix with the `k` greatest stored values of each row; ties go by column."""
    from scipy.sparse import csr_array

    counts = np.diff(matrix.indptr)
    rows = np.repeat(np.arange(matrix.shape[0]), counts)
    order = np.lexsort((matrix.indices, -matrix.data, rows))
    place = np.arange(len(rows)) - np.repeat(matrix.indptr[:-1], counts)
    kept = np.sort(order[place < k])
    indptr = np.concatenate([[0], np.cumsum(np.minimum(counts, k))])
    return csr_array((matrix.data[kept], matrix.indices[kept], indptr), shape=matrix.shape)


def normalise_rows(matrix: Sparse) -> Sparse:
    """Return the matrix with rows of length 1; an empty row stays empty."""
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    scaled = matrix.copy()
    scaled.data /= np.repeat(np.where(norms > 0, norms, 1), np.diff(matrix.indptr))
    return scaled


def inverse_frequency(history: Sparse) -> FloatArray:
    r"""Return $\ln(n / (1 + \mathrm{df}))$ for every item, $n$ users; float32 `[num_items]`.

    An item that nearly everybody has gets 0 rather than a negative weight, which would only happen
    in a graph of a handful of users.
    """
    num_users, num_items = history.shape
    frequency = np.bincount(history.indices, minlength=num_items)
    weights: FloatArray = np.log(max(num_users, 1) / (1 + frequency)).astype(np.float32)
    return np.maximum(weights, 0)


def deviations(scores: FloatArray) -> FloatArray:
    """Return the standard deviation of each row, 0 for a row that is constant but for rounding.

    Args:
        scores: float32 `[rows, columns]`.

    Returns:
        float32 `[rows, 1]`.
    """
    found: FloatArray = np.zeros((len(scores), 1), dtype=np.float32)
    if not scores.size:
        return found
    step = max(1, CACHED_CELLS // scores.shape[1])
    room = np.empty((min(step, len(scores)), scores.shape[1]), dtype=np.float32)
    for start in range(0, len(scores), step):
        part = scores[start : start + step]
        apart = room[: len(part)]
        largest = np.maximum(part.max(axis=1), -part.min(axis=1))[:, None]
        # in units of the largest, so that squares neither vanish nor overflow
        np.divide(part, np.where(largest > 0, largest, 1), out=apart)
        apart -= apart.mean(axis=1, keepdims=True)
        np.square(apart, out=apart)
        relative = np.sqrt(apart.mean(axis=1, keepdims=True))
        found[start : start + step] = in_units(relative, largest)
    return found


def in_units(relative: FloatArray, largest: FloatArray) -> FloatArray:
    """Return deviations of rows from those in units of their largest values, float32.

    Zero for a row that is constant but for rounding, which leaves it with a few ulps of its size,
    and for one so small that its inverse would be no number.
    """
    found: FloatArray = np.where(relative <= CONSTANT, 0, relative * largest).astype(np.float32)
    found[found < np.finfo(np.float32).tiny] = 0
    return found


def over_deviation(scores: FloatArray) -> FloatArray:
    """Divide each row by its own standard deviation, in place; a constant row becomes zero.

    Nothing is centred: a constant added to a row changes no order, and a constant row carries no
    order at all, so it must not outweigh what it is added to.
    """
    deviation = deviations(scores)
    scores /= np.where(deviation > 0, deviation, 1)
    scores[deviation.ravel() == 0] = 0
    return scores


def turned(matrix: FloatArray, rows: IntArray) -> FloatArray:
    """Return rows of a matrix as columns, float32 `[width, len(rows)]`, contiguous."""
    columns: FloatArray = np.empty((matrix.shape[1], len(rows)), dtype=np.float32)
    step = max(1, CACHED_CELLS // max(1, matrix.shape[1]))
    for start in range(0, len(rows), step):  # in the cache: what is read by rows is written across
        columns[:, start : start + step] = matrix[rows[start : start + step]].T
    return columns


def user_blocks(num_users: int, row_bytes: int) -> Iterator[slice]:
    """Yield slices of `num_users` rows whose temporaries stay within `BLOCK_BYTES`."""
    step = max(1, BLOCK_BYTES // max(row_bytes, 1))
    for start in range(0, num_users, step):
        yield slice(start, min(start + step, num_users))


def keep_columns(matrix: Sparse, mask: BoolArray) -> Sparse:
    """Return the matrix with columns outside a mask left empty, `[num_rows, len(mask)]`."""
    from scipy.sparse import csr_array

    kept = mask[matrix.indices]
    before = np.concatenate([[0], np.cumsum(kept)])
    parts = (matrix.data[kept], matrix.indices[kept], before[matrix.indptr])
    return csr_array(parts, shape=(matrix.shape[0], len(mask)))


def take_columns(matrix: Sparse, columns: IntArray) -> Sparse:
    """Return some columns, in the given order; the matrix itself where that is all of them."""
    if len(columns) == matrix.shape[1] and np.array_equal(columns, np.arange(len(columns))):
        return matrix
    return matrix[:, columns]
