"""Items that the same people used: cosine neighbourhoods of items over all domains."""

from copy import copy
from typing import Self

import numpy as np

from kg.vocab import IntArray
from training.baselines.base import FloatArray, Task
from training.baselines.grids import combinations
from training.baselines.matrices import (
    Sparse,
    histories,
    history_mask,
    own_mask,
    scale_rows,
    take_columns,
    top_of_rows,
    user_blocks,
)

BLOCK_PAIRS = 20_000_000  # of similarities before the k greatest are kept: 8 bytes each


class ItemKNN:
    r"""The sum of similarities between an item and what the user has (Sarwar et al. 2001).

    $$s(u, j) = \sum_{i \in N_k(j)} x_{ui}\, \frac{x_i \cdot x_j}{\|x_i\|\,\|x_j\| + h}$$

    $x_i$ is the column of users of an item, $h$ the shrinkage (Bell and Koren 2007) and $N_k(j)$
    the `k` items most similar to the target item $j$. Neighbours come from all domains that take
    part, for cold users (`user-cold`) from the sources alone: that is all they have, and what
    carries it over is the co-occurrence in the histories of users of both.

    Args:
        task: what may be learned from.
        seed: not used.
        k: neighbours of each target item; 0 for all.
        shrink: $h$; small co-occurrences count for less.
        idf: weigh users by $\ln(m / (1 + n_u))$, with $n_u$ of $m$ items theirs: who has much says
            little of each.
        carry: sparse `[num_items, num_items]`; an item takes its neighbours from those it is
            carried from, as in `training.baselines.user_knn`. None: the identity.
        similar: `similar` of an earlier one with the same task and settings; None to make it.
        name: as shown in reports.

    Attributes:
        similar: of items (rows) to target items (columns), sparse `[num_items, num_items]`.
    """

    GRID = combinations(k=(100, 1000), shrink=(0.0, 20.0), idf=(False, True))

    def __init__(
        self,
        task: Task,
        *,
        seed: int = 0,
        k: int = 200,
        shrink: float = 10.0,
        idf: bool = False,
        carry: Sparse | None = None,
        similar: Sparse | None = None,
        name: str = "item-kNN",
    ) -> None:
        self.name = name
        split = task.split
        self._history = histories(split, own_mask(split))
        if similar is None:
            used = histories(split, split.train.item_mask(split.target))
            weights = np.ones(used.shape[0], dtype=np.float32)
            if idf:
                lengths = np.diff(histories(split, history_mask(split)).indptr)
                share = history_mask(split).sum() / (1 + lengths)
                weights = np.maximum(np.log(share), 0).astype(np.float32)
            similar = _similarities(
                scale_rows(self._history, weights), scale_rows(used, weights), k, shrink
            )
        self.similar = similar
        self._carry = carry

    def asked_by(self, history: Sparse) -> Self:
        """Return the same for others, who take the place of its users.

        Args:
            history: what they used of what neighbours come from, CSR `[num_others, num_items]`.
        """
        asked = copy(self)
        asked._history = history
        return asked

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`."""
        scores = np.empty((len(users), len(items)), dtype=np.float32)
        columns = self.columns(items)
        for block in user_blocks(len(users), 12 * len(items)):
            scores[block] = self.sparse(users[block], columns).toarray()
        return scores

    def columns(self, items: IntArray) -> Sparse:
        """Return what `sparse` needs of items."""
        if self._carry is None:
            return take_columns(self.similar, items)
        return self.similar @ take_columns(self._carry, items)

    def carried(self, carry: Sparse) -> Sparse:
        """Return what items need that take from others, CSR `[num_items, num_new]`."""
        return self.similar @ carry

    def sparse(self, users: IntArray, columns: Sparse) -> Sparse:
        """Return scores as CSR `[len(users), num_columns]`."""
        return self._history[users] @ columns


def _similarities(own: Sparse, used: Sparse, k: int, shrink: float) -> Sparse:
    """Return similarities of own items (rows) to target items (columns), CSR `[items, items]`."""
    from scipy.sparse import vstack

    own_norms, used_norms = _column_norms(own), _column_norms(used)
    by_item = used.T.tocsr()
    # how many products the row of each item takes, so that blocks stay small
    cost = np.concatenate([[0], np.cumsum(by_item.astype(bool) @ np.diff(own.indptr))])
    blocks, first = [], 0
    while first < by_item.shape[0]:
        last = int(np.searchsorted(cost, cost[first] + BLOCK_PAIRS, side="right")) - 1
        last = min(max(last, first + 1), by_item.shape[0])
        found = (by_item[first:last] @ own).tocsr()
        rows = np.repeat(np.arange(first, last), np.diff(found.indptr))
        found.data /= used_norms[rows] * own_norms[found.indices] + np.float32(shrink)
        found.data[found.indices == rows] = 0  # an item says nothing of itself
        found.eliminate_zeros()
        blocks.append(top_of_rows(found, k) if k else found)
        first = last
    return vstack(blocks, format="csr").T.tocsr()


def _column_norms(matrix: Sparse) -> FloatArray:
    """Return lengths of columns; 1 for an empty one."""
    squares = np.bincount(matrix.indices, matrix.data**2, minlength=matrix.shape[1])
    return np.where(squares > 0, np.sqrt(squares), 1).astype(np.float32)
