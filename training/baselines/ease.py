"""The shallow autoencoder with a closed form."""

import numpy as np

from kg.graph import BoolArray
from kg.vocab import IntArray
from training.baselines.base import FloatArray, Task
from training.baselines.grids import combinations
from training.baselines.matrices import (
    Sparse,
    histories,
    history_mask,
    take_columns,
    user_blocks,
)

BLOCK_ROWS = 1_024  # of the Gram matrix made at once


class EASE:
    r"""Every item as a linear function of the others, none of itself (Steck 2019, equation 8).

    $$s(u, \cdot) = x_u B, \qquad B = I - P\,\mathrm{diag}(1 / P_{jj}),\quad
      P = (X^\top X + \lambda I)^{-1}$$

    $X$ holds the merged items of the sources and the target. Time grows with the third power of
    their number and memory with the second, so that beyond `max_items` only those with the most
    interactions take part, half of the places for either side as far as it has so many: the rest
    neither say anything nor are predicted (0). Peak memory is twice 4 bytes x `max_items`²: 1.2 GB
    for 12,000, 4 GB for 22,000.

    Args:
        task: what may be learned from.
        seed: not used.
        regularization: $\lambda$.
        max_items: the most that take part.
        name: as shown in reports.
    """

    GRID = combinations(regularization=(30.0, 100.0, 300.0, 1000.0))

    def __init__(
        self,
        task: Task,
        *,
        seed: int = 0,
        regularization: float = 300.0,
        max_items: int = 12_000,
        name: str = "EASE",
    ) -> None:
        self.name = name
        split = task.split
        history = histories(split, history_mask(split))
        counts = np.bincount(history.indices, minlength=history.shape[1])
        target = split.train.item_mask(split.target)
        kept = most_used(counts, target, max_items)
        self._history = take_columns(history, kept)
        predicted = np.flatnonzero(target[kept])
        self._weights = item_weights(self._history, predicted, regularization)
        self._column = np.full(history.shape[1], -1)
        self._column[kept[predicted]] = np.arange(len(predicted))

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`."""
        scores = np.zeros((len(users), len(items)), dtype=np.float32)
        column = self._column[items]
        known = np.flatnonzero(column >= 0)
        width = self._weights.shape[1]
        for block in user_blocks(len(users), 4 * (width + len(known))):
            predicted = self._history[users[block]] @ self._weights
            scores[block, known] = predicted[:, column[known]]
        return scores


def most_used(counts: IntArray, target: BoolArray, max_items: int) -> IntArray:
    """Return sorted rows of at most `max_items` items that have interactions.

    Args:
        counts: interactions of each item, int64 `[num_items]`.
        target: which items are predicted, bool `[num_items]`.
        max_items: how many.
    """
    order = np.argsort(-counts, kind="stable")
    order = order[counts[order] > 0]
    ours, others = order[target[order]], order[~target[order]]
    half = max_items // 2
    places = max(half, max_items - len(others))
    ours = ours[:places]
    return np.sort(np.concatenate([ours, others[: max_items - len(ours)]]))


def item_weights(history: Sparse, predicted: IntArray, regularization: float) -> FloatArray:
    """Return the columns `predicted` of $B$, float32 `[num_items, len(predicted)]`.

    Args:
        history: 0/1 CSR `[num_users, num_items]`.
        predicted: columns.
        regularization: more than 0.

    Raises:
        ValueError: the regularization is too small for the precision of the numbers.
    """
    from scipy.linalg import lapack

    inverse = _gram(history)
    np.fill_diagonal(inverse, inverse.diagonal() + np.float32(regularization))
    # in place, on the transpose, which is the same symmetric matrix in LAPACK's order
    factor, failed = lapack.spotrf(inverse.T, lower=1, clean=0, overwrite_a=1)
    if not failed:
        factor, failed = lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed:
        raise ValueError(f"regularization = {regularization!r}: too small, must be greater")
    diagonal = factor.diagonal().copy()
    # the lower triangle is filled, the upper is not
    weights = np.empty((len(factor), len(predicted)), dtype=np.float32)
    for place, column in enumerate(predicted):
        weights[column:, place] = factor[column:, column]
        weights[:column, place] = factor[column, :column]
    weights /= -diagonal[predicted]
    weights[predicted, np.arange(len(predicted))] = 0
    return weights


def _gram(history: Sparse) -> FloatArray:
    size = history.shape[1]
    gram = np.empty((size, size), dtype=np.float32)
    by_item = history.T.tocsr()
    for first in range(0, size, BLOCK_ROWS):
        gram[first : first + BLOCK_ROWS] = (by_item[first : first + BLOCK_ROWS] @ history).toarray()
    return gram
