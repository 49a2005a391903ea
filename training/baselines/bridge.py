"""The floor for cold items: borrow the scores of warm items with a similar text."""

import numpy as np

from kg.vocab import IntArray
from training.baselines.base import FloatArray, Task
from training.baselines.matrices import Sparse
from training.baselines.user_knn import UserKNN


class TextBridge:
    r"""User-kNN scores of the `k` warm target items nearest in text, averaged.

    $$s(u, j) = \sum_{i \in N(j)} c_{ij}^4\, s_\mathrm{kNN}(u, i) \Big/ \sum_{i \in N(j)} c_{ij}^4$$

    $c$ is the text cosine (below zero: no neighbour), $N(j)$ the nearest target items that have a
    training interaction. A warm item has its own user-kNN score. A cold item without text scores 0.

    Args:
        task: what may be learned from.
        k: how many neighbours lend their scores.
        name: as shown in reports.
    """

    def __init__(self, task: Task, *, k: int = 30, name: str = "text-kNN bridge") -> None:
        self.name = name
        self._knn = UserKNN(task, carry=text_carry(task, k))

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`."""
        return self._knn.score(users, items)


def text_carry(task: Task, k: int) -> Sparse:
    """Return weights from warm items (rows) to all target items (columns), CSR.

    The column of a cold item holds its neighbours' weights, summing to 1; that of a warm item holds
    1 on the diagonal.
    """
    from encoders.neighbours.exact import nearest_neighbours  # which needs torch

    graph = task.split.train
    num_items = len(graph.items)
    target = graph.item_mask(task.split.target)
    interacted = np.zeros(num_items, dtype=np.bool_)
    interacted[graph.interaction_edges.dst] = True
    warm, cold = np.flatnonzero(target & interacted), np.flatnonzero(target & ~interacted)
    found, cosine = nearest_neighbours(task.item_features[cold], task.item_features[warm], k)
    near = warm[found] if len(warm) else found  # where nothing is warm, nothing is found
    return carry_matrix(warm, cold, near, cosine, shape=(num_items, num_items))


def nearness(near: IntArray, similarity: FloatArray, num_items: int) -> Sparse:
    """Return similarity^4 of neighbours, CSR `[num_items, len(near)]`, not normalised.

    Args:
        near: of each item, rows of its neighbours, int64 `[n, k]`, -1 where there are fewer.
        similarity: of these, `[n, k]`; 0 or less: no neighbour.
        num_items: how many items there are to be neighbours.
    """
    from scipy.sparse import csr_array

    item, place = np.nonzero((near >= 0) & (similarity > 0))
    values = similarity[item, place].astype(np.float32) ** 4
    return csr_array((values, (near[item, place], item)), shape=(num_items, len(near)))


def carry_matrix(
    warm: IntArray,
    cold: IntArray,
    near: IntArray,
    similarity: FloatArray,
    *,
    shape: tuple[int, int],
) -> Sparse:
    """Return what items take from warm ones: themselves, or their neighbours' mean.

    Args:
        warm: rows of items that keep what they have.
        cold: rows of items that take from neighbours.
        near: rows of these, int64 `[num_cold, k]`.
        similarity: of these, float `[num_cold, k]`; 0 or less where there is none.
        shape: number of items that may be taken from, and of those that take.

    Returns:
        CSR of this shape; the column of a cold item sums to 1, or is empty.
    """
    from scipy.sparse import csr_array

    weights = np.maximum(similarity, 0).astype(np.float64) ** 4  # the nearest count most
    total = weights.sum(axis=1, keepdims=True)
    weights /= np.where(total > 0, total, 1)
    cold_row, place = np.nonzero(weights)  # where there is no neighbour the weight is zero
    rows = np.concatenate([warm, near[cold_row, place]])
    columns = np.concatenate([warm, cold[cold_row]])
    values = np.concatenate([np.ones(len(warm)), weights[cold_row, place]]).astype(np.float32)
    return csr_array((values, (rows, columns)), shape=shape)
