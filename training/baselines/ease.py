"""The shallow autoencoder with a closed form."""

from copy import copy
from typing import Self

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
MAX_ITEMS = 12_000  # that say something


class EASE:
    r"""Every item as a linear function of the others, none of itself (Steck 2019, equation 8).

    $$s(u, \cdot) = x_u B, \qquad B = I - P\,\mathrm{diag}(1 / P_{jj}),\quad
      P = (X^\top X + \lambda I)^{-1}$$

    $X$ holds the merged items of the sources and the target. Time grows with the third power of
    their number and memory with the second, so that of more than `max_items` only those with the
    most interactions are columns of $X$, half of the places for either side as far as it has so
    many. The other items say nothing, and are predicted by the same ridge regression on $X$,
    $s(u, j) = x_u P X^\top x_j$. The greatest array has 4 bytes x `max_items`²: 0.6 GB for 12,000,
    4 GB for 31,000.

    Args:
        task: what may be learned from.
        seed: not used.
        regularization: $\lambda$.
        max_items: the most that say something.
        inverse: `inverse` of an earlier one with the same task and settings; None to make it.
        name: as shown in reports.

    Attributes:
        inverse: $P$, float32 `[num_kept, num_kept]`.
    """

    GRID = combinations(regularization=(30.0, 100.0, 300.0, 1000.0))

    def __init__(
        self,
        task: Task,
        *,
        seed: int = 0,
        regularization: float = 300.0,
        max_items: int = MAX_ITEMS,
        inverse: FloatArray | None = None,
        name: str = "EASE",
    ) -> None:
        self.name = name
        split = task.split
        history = histories(split, history_mask(split))
        counts = np.bincount(history.indices, minlength=history.shape[1])
        target = split.train.item_mask(split.target)
        kept = most_used(counts, target, max_items)
        self._kept = kept
        self._history = take_columns(history, kept)
        self.inverse = inverse_gram(self._history, regularization) if inverse is None else inverse
        self._column = np.full(history.shape[1], -1)
        self._column[kept] = np.arange(len(kept))
        others = histories(split, target & (self._column < 0))
        self._together = (self._history.T.tocsr() @ others).tocsr()  # X^T x_j in column j

    def asked_by(self, history: Sparse) -> Self:
        """Return the same for others, who take the place of its users.

        Args:
            history: their interactions with all domains, 0/1 CSR `[num_others, num_items]`.
        """
        asked = copy(self)
        asked._history = take_columns(history, self._kept)
        return asked

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`."""
        scores = np.empty((len(users), len(items)), dtype=np.float32)
        column = self._column[items]
        inside, outside = np.flatnonzero(column >= 0), np.flatnonzero(column < 0)
        column = column[inside]
        scale = self.inverse.diagonal()[column]
        together = self._together[:, items[outside]].T.tocsr()
        for block in user_blocks(len(users), 8 * (len(self.inverse) + len(items))):
            history = self._history[users[block]]
            pulled = history @ self.inverse
            own = history[:, column].toarray()
            scores[block, inside] = own - pulled[:, column] / scale
            scores[block, outside] = (together @ pulled.T).T
        return scores

    def divide(self, own: IntArray, item: int) -> tuple[IntArray, FloatArray]:
        """Return what each item of a history adds to the score of one.

        Args:
            own: rows of the history.
            item: row.

        Returns:
            Those of the history that say something, and what each adds, float32.
        """
        own = own[self._column[own] >= 0]
        rows, column = self._column[own], self._column[item]
        if column >= 0:
            adds = (rows == column) - self.inverse[rows, column] / self.inverse[column, column]
        else:
            adds = self.inverse[rows] @ self._together[:, [item]].toarray().ravel()
        return own, adds.astype(np.float32)


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


def inverse_gram(history: Sparse, regularization: float) -> FloatArray:
    r"""Return $P$, float32 `[num_items, num_items]`, made in place of $X^\top X$.

    Args:
        history: 0/1 CSR `[num_users, num_items]`.
        regularization: more than 0.

    Raises:
        ValueError: the regularization is too small for the precision of the numbers.
    """
    from scipy.linalg import lapack

    gram = _gram(history)
    np.fill_diagonal(gram, gram.diagonal() + np.float32(regularization))
    # on the transpose, which is the same symmetric matrix in the order that LAPACK works in place
    factor, failed = lapack.spotrf(gram.T, lower=1, clean=0, overwrite_a=1)
    if not failed:
        factor, failed = lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed:
        raise ValueError(f"regularization = {regularization!r}: too small, must be greater")
    inverse: FloatArray = factor.T
    for first in range(0, len(inverse), BLOCK_ROWS):  # one triangle is filled: mirror it
        last = first + BLOCK_ROWS
        inverse[last:, first:last] = inverse[first:last, last:].T
        corner = inverse[first:last, first:last]
        corner[:] = np.triu(corner) + np.triu(corner, 1).T
    return inverse


def _gram(history: Sparse) -> FloatArray:
    size = history.shape[1]
    gram = np.empty((size, size), dtype=np.float32)
    by_item = history.T.tocsr()
    for first in range(0, size, BLOCK_ROWS):
        gram[first : first + BLOCK_ROWS] = (by_item[first : first + BLOCK_ROWS] @ history).toarray()
    return gram
