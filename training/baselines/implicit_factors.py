"""Matrix factorisation by the library `implicit`, on the merged interactions of all domains."""

from typing import Any

import numpy as np

from kg.errors import ConfigError
from kg.vocab import IntArray
from training.baselines.base import FloatArray, Task
from training.baselines.grids import combinations
from training.baselines.matrices import Sparse, histories, history_mask


class Factors:
    """Scores that are products of a user's and an item's vector.

    Args:
        users: float32 `[num_users, width]`.
        items: float32 `[num_items, width]`.
        name: as shown in reports.
    """

    GRID = combinations(factors=(64, 192), alpha=(3.0, 20.0), regularization=(1.0, 10.0))

    def __init__(self, users: FloatArray, items: FloatArray, name: str) -> None:
        self.name = name
        self._users, self._items = users, items

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`."""
        return self._users[users] @ self._items[items].T


class ALS(Factors):
    """Weighted least squares for implicit feedback (Hu, Koren and Volinsky 2008).

    Args:
        task: what may be learned from.
        seed: of the first factors.
        factors: width.
        regularization: of the squared factors.
        alpha: confidence of an interaction; that of its absence is 1.
        iterations: passes over users and items.
        name: as shown in reports.
    """

    def __init__(
        self,
        task: Task,
        *,
        seed: int = 0,
        factors: int = 128,
        regularization: float = 1.0,
        alpha: float = 10.0,
        iterations: int = 15,
        name: str = "implicit ALS",
    ) -> None:
        fitted = _fit(
            "als.AlternatingLeastSquares",
            histories(task.split, history_mask(task.split)),
            factors=factors,
            regularization=regularization,
            alpha=alpha,
            iterations=iterations,
            random_state=seed,
        )
        super().__init__(*fitted, name)


class BPR(Factors):
    """Pairwise ranking by gradient descent (Rendle et al. 2009), with item biases.

    Args:
        task: what may be learned from.
        seed: of the first factors and of the draws.
        factors: width, without the bias.
        learning_rate: of the descent.
        regularization: of the squared factors.
        iterations: epochs.
        name: as shown in reports.
    """

    GRID = combinations(factors=(32, 96), learning_rate=(0.02, 0.05), regularization=(0.003, 0.03))

    def __init__(
        self,
        task: Task,
        *,
        seed: int = 0,
        factors: int = 64,
        learning_rate: float = 0.03,
        regularization: float = 0.01,
        iterations: int = 60,
        name: str = "implicit BPR",
    ) -> None:
        history = histories(task.split, history_mask(task.split))
        users, items = _fit(
            "bpr.BayesianPersonalizedRanking",
            history,
            factors=factors,
            learning_rate=learning_rate,
            regularization=regularization,
            iterations=iterations,
            random_state=seed,
        )
        # who has no history would keep random factors; the last one is the weight of the bias
        users[np.diff(history.indptr) == 0, :-1] = 0
        super().__init__(users, items, name)


def _fit(model: str, history: Sparse, **settings: Any) -> tuple[FloatArray, FloatArray]:
    """Return the factors of users and of items, float32 `[rows, width]`."""
    try:
        import implicit
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise ConfigError(
            "the baselines als and bpr need implicit: pip install 'isthmus[baselines]'"
        ) from error
    from scipy.sparse import csr_matrix

    module, kind = model.split(".")
    # one thread: several write to the same factors at once, and no two runs would be the same;
    # the library has loops of its own in which threads of BLAS only wait for each other
    with threadpool_limits(limits=1, user_api="blas"):
        made = getattr(getattr(implicit.cpu, module), kind)(num_threads=1, **settings)
        made.fit(csr_matrix(history), show_progress=False)
    return np.array(made.user_factors, np.float32), np.array(made.item_factors, np.float32)
