"""The best of a pool in another order: what is popular costs, what is alike is spread.

Diversity is maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998): the next item is the
one with the largest (1 - d) * relevance - d * (its largest cosine to an item already taken).
"""

import numpy as np

from kg.graph import BoolArray, FloatArray
from kg.vocab import IntArray

BLOCK_BYTES = 64 * 2**20
_NEVER = np.float32(1e9)  # what padding is worth less than: it is taken last


def reorder(
    rows: IntArray,
    scores: FloatArray,
    *,
    k: int,
    diversity: float = 0.0,
    popularity_weight: float = 0.0,
    log_popularity: FloatArray,
    vectors: FloatArray,
) -> tuple[IntArray, FloatArray]:
    """Return k of each user's pool, in the order that the settings ask for.

    Args:
        rows: item rows `[num_users, pool]`, -1 where there is none, best first.
        scores: `[num_users, pool]`.
        k: how many.
        diversity: from 0 to 1. Relevance is the score less what popularity costs, from 0 for the
            worst of a user's pool to 1 for the best, so that it weighs against a cosine.
        popularity_weight: what an e-fold of popularity costs, in units of the score.
        log_popularity: of every item, `[num_items]`.
        vectors: of every item, rows of length one, `[num_items, width]`.

    Returns:
        Item rows and their scores, unchanged, `[num_users, min(k, pool)]`.
    """
    there = rows >= 0
    worth = np.where(there, scores - popularity_weight * log_popularity[rows], -np.inf)
    if diversity:
        order = _marginal(rows, worth, min(k, rows.shape[1]), diversity, vectors)
    else:
        order = np.argsort(-worth, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(rows, order, 1), np.take_along_axis(scores, order, 1)


def keep(rows: IntArray, scores: FloatArray, kept: BoolArray) -> tuple[IntArray, FloatArray]:
    """Return the answers that are kept, in their order, and padding behind them."""
    rows, scores = np.where(kept, rows, -1), np.where(kept, scores, np.float32(-np.inf))
    order = np.argsort(rows < 0, axis=1, kind="stable")
    return np.take_along_axis(rows, order, 1), np.take_along_axis(scores, order, 1)


def _marginal(
    rows: IntArray, worth: FloatArray, k: int, diversity: float, vectors: FloatArray
) -> IntArray:
    """Return the places of the k items that are taken, in order, `[num_users, k]`."""
    num_users, pool = rows.shape
    places = np.zeros((num_users, k), dtype=np.int64)
    step = max(1, BLOCK_BYTES // max(1, 4 * pool * (pool + vectors.shape[1])))
    for start in range(0, num_users, step):
        block = slice(start, start + step)
        own = vectors[rows[block]]
        cosines = own @ own.transpose(0, 2, 1)
        gain = (1 - diversity) * _from_zero_to_one(worth[block])
        gain[rows[block] < 0] = -_NEVER
        nearest = np.zeros_like(gain)  # nothing is taken yet, so nothing is near
        user = np.arange(len(gain))
        for rank in range(k):
            taken = np.argmax(gain - diversity * nearest, axis=1)
            places[block][:, rank] = taken
            near = cosines[user, taken]
            nearest = near if rank == 0 else np.maximum(nearest, near)
            gain[user, taken] = -np.inf
    return places


def _from_zero_to_one(worth: FloatArray) -> FloatArray:
    """Return each user's worths, the least of the pool at 0 and the most at 1; `-inf` at 0."""
    there = np.isfinite(worth)
    low = np.min(worth, axis=1, keepdims=True, where=there, initial=np.inf)
    above: FloatArray = np.subtract(worth, low, where=there, out=np.zeros_like(worth))
    span = above.max(axis=1, keepdims=True)
    span[span == 0] = 1
    scaled: FloatArray = above / span
    return scaled
