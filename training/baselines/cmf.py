"""Several matrices with one set of user factors."""

import numpy as np

from kg.graph import BoolArray
from training.baselines.base import FloatArray, Task
from training.baselines.grids import combinations
from training.baselines.implicit_factors import Factors
from training.baselines.matrices import Sparse, histories
from training.evaluation.split import Split
from training.seed import rng


class CMF(Factors):
    r"""Collective matrix factorisation with squared loss (Singh and Gordon 2008).

    $$\min_{U, V}\ \sum_d w_d \sum_{u \in d} \|x_u^d - u V_d^\top\|^2
      + \lambda\Bigl(\|U\|^2 + \sum_d \|V_d\|^2\Bigr)$$

    The 0/1 rows of a domain are those of users who have any interaction there: who has none is
    unobserved in it, not one who likes nothing. Each half of an iteration is the exact minimum over
    one side, by the normal equations.

    Args:
        task: what may be learned from.
        seed: of the first factors.
        factors: width.
        regularization: $\lambda$.
        source_weight: $w_d$ of each source; that of the target is 1.
        iterations: passes over users and items.
        name: as shown in reports.
    """

    GRID = combinations(factors=(64, 256), source_weight=(0.3, 1.0), regularization=(4.0, 15.0))

    def __init__(
        self,
        task: Task,
        *,
        seed: int = 0,
        factors: int = 128,
        regularization: float = 10.0,
        source_weight: float = 1.0,
        iterations: int = 15,
        name: str = "CMF",
    ) -> None:
        split = task.split
        masks = domain_masks(split)
        matrices = [histories(split, mask) for mask in masks]
        weights = [1.0] + [source_weight] * (len(matrices) - 1)
        start = rng(seed, "cmf").normal(0, 0.1, (len(split.train.items), factors))
        users, items = factorise(matrices, masks, weights, start, regularization, iterations)
        super().__init__(users, items, name)


def domain_masks(split: Split) -> list[BoolArray]:
    """Return the items of the target, then of each source; no item is in two of them."""
    masks: list[BoolArray] = []
    taken = np.zeros(len(split.train.items), dtype=np.bool_)
    for domain in (split.target, *split.sources):
        mask = split.train.item_mask(domain) & ~taken
        taken |= mask
        masks.append(mask)
    return masks


def factorise(
    matrices: list[Sparse],
    masks: list[BoolArray],
    weights: list[float],
    items: np.ndarray,
    regularization: float,
    iterations: int,
) -> tuple[FloatArray, FloatArray]:
    """Return factors of users `[num_users, width]` and of items `[num_items, width]`, float32.

    Args:
        matrices: of each domain, CSR `[num_users, num_items]`.
        masks: its columns, bool `[num_items]`.
        weights: of its loss.
        items: where items start, `[num_items, width]`.
        regularization: more than 0.
        iterations: how many times users and then items are solved for.
    """
    items = items.astype(np.float32)
    ridge = regularization * np.eye(items.shape[1])
    active = [np.diff(matrix.indptr) > 0 for matrix in matrices]
    columns = [matrix.T.tocsr() for matrix in matrices]
    users = np.zeros((matrices[0].shape[0], items.shape[1]), dtype=np.float32)
    for _ in range(iterations):
        users = solve_users(matrices, masks, weights, items, regularization)
        for domain, mask in enumerate(masks):
            gram = _gram(users[active[domain]])
            solved = np.linalg.solve(
                gram + ridge / weights[domain], (columns[domain][mask] @ users).T
            )
            items[mask] = solved.T
    return users, items


def solve_users(
    matrices: list[Sparse],
    masks: list[BoolArray],
    weights: list[float],
    items: FloatArray,
    regularization: float,
) -> FloatArray:
    """Return the best factors of users for those of items, float32 `[num_users, width]`.

    Arguments are those of `factorise`; a row depends on no other.
    """
    ridge = regularization * np.eye(items.shape[1])
    active = np.stack([np.diff(matrix.indptr) > 0 for matrix in matrices], axis=1)
    patterns, pattern_of = np.unique(active, axis=0, return_inverse=True)
    right = sum(weight * (matrix @ items) for weight, matrix in zip(weights, matrices, strict=True))
    grams = [_gram(items[mask]) for mask in masks]
    users = np.zeros((len(active), items.shape[1]), dtype=np.float32)
    for number, pattern in enumerate(patterns):
        seen = [weights[d] * grams[d] for d in np.flatnonzero(pattern)]
        rows = pattern_of == number
        users[rows] = np.linalg.solve(sum(seen, ridge), right[rows].T).T
    return users


def _gram(rows: FloatArray) -> np.ndarray:
    return (rows.T @ rows).astype(np.float64)
