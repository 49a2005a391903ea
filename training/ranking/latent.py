"""Signals from singular vectors, and the ridge regression of what users like on what they did."""

from copy import copy

import numpy as np

from kg.vocab import IntArray
from training.baselines.base import FloatArray
from training.baselines.matrices import Sparse, take_columns
from training.ranking.conjugate import solve_shifted
from training.ranking.fitted import Fitted
from training.ranking.people import People
from training.ranking.world import World

RANK = 256
MAX_ANCHORS = 8_192  # users the ridge is solved over
ROUNDING = 1e-5  # of a product, relative to the lengths of its factors
PENALTY = 1.2  # of the ridge, times the root of the number of anchors


class Latent:
    r"""A low-rank recommender (PureSVD, Cremonesi et al. 2010) on normalised interactions.

    With $\hat A = D_u^{-1/2} X D_i^{-1/2} \approx U S V^\top$ a user's row is $\hat a_u V$.

    Args:
        world: what may be learned from.
        fitted: keeps the singular vectors.
    """

    def __init__(self, world: World, fitted: Fitted) -> None:
        self._degrees = np.asarray(world.all_history.sum(axis=0)).ravel()
        self._rows = normalised(world.all_history, self._degrees)
        self.items, self.strength = fitted.arrays(
            "latent.items",
            "latent.strength",
            make=lambda: decompose(self._rows, fitted.seed),
        )
        self.root: FloatArray = np.sqrt(np.maximum(world.popularity, 1)).astype(np.float32)
        self._carry = world.carry

    def asked_by(self, people: People) -> "Latent":
        """Return the same for others, who take the place of its users."""
        asked = copy(self)
        asked._rows = normalised(people.history, self._degrees)
        return asked

    def signals(self, users: IntArray, items: IntArray) -> dict[str, FloatArray]:
        """Return signals by name, each `[len(users), len(items)]`."""
        # one dense product per block: the carry is applied to vectors, not to scores
        columns = take_columns(self._carry, items).T
        plain, popular = columns @ self.items, columns @ (self.items * self.root[:, None])
        rows = self._rows[users] @ self.items
        return {
            "latent": _scores(rows, plain),
            "latent x popularity": _scores(rows, popular),
            "latent, strong": _scores(rows * self.strength, plain),
        }


class Ridge:
    r"""Kernel ridge regression from the users' histories to their target interactions.

    $$s(u, \cdot) = k_u^\top (K + \lambda I)^{-1} X, \qquad
    K_{uv} = \cos(p_u, p_v) + \cos(p_u V, p_v V)$$

    $p$ are profiles, $V$ the singular vectors, $X$ the target interactions of the anchors: the
    users who have both. With $\lambda \to \infty$ this is user-kNN; a finite $\lambda$ keeps
    neighbours who say the same from being counted twice. It is a Gaussian process whose kernel
    counts 3-hop paths (user, item, user, item), exact and low-rank.

    Args:
        world: what may be learned from.
        latent: of the same world.
        fitted: keeps the singular vectors of the target.
    """

    def __init__(self, world: World, latent: Latent, fitted: Fitted) -> None:
        self._profile, self._vectors = world.profile, latent.items
        used = world.target_history
        both = np.flatnonzero((np.diff(used.indptr) > 0) & (np.diff(self._profile.indptr) > 0))
        if len(both) > MAX_ANCHORS:  # those who say most
            busiest = np.argsort(-np.diff(used.indptr)[both], kind="stable")[:MAX_ANCHORS]
            both = np.sort(both[busiest])
        self.anchors = both
        self._used = used[both]
        self._degree = np.sqrt(np.maximum(np.diff(self._used.indptr), 1)).astype(np.float32)
        self._exact, self._alike = self._places(both)
        # the same without columns that are empty, to be multiplied with
        self._rows = self._exact[:, np.unique(self._exact.indices)]
        self._by_item = self._rows.T.tocsr()
        penalty = PENALTY * np.sqrt(max(len(both), 1))
        self._penalties = (penalty, penalty / 3)
        self._root = latent.root
        target = np.flatnonzero(world.split.train.item_mask(world.split.target))
        (vectors,) = fitted.arrays(
            "ridge.items", make=lambda: decompose(normalised(used[:, target]), fitted.seed)[:1]
        )
        self._target_items = np.zeros((used.shape[1], vectors.shape[1]), dtype=np.float32)
        self._target_items[target] = vectors

    def asked_by(self, people: People) -> "Ridge":
        """Return the same for others, who take the place of its users."""
        asked = copy(self)
        asked._profile = people.profile
        return asked

    def signals(self, users: IntArray, items: IntArray) -> dict[str, FloatArray]:
        """Return signals by name, each `[len(users), len(items)]`."""
        if not len(self.anchors):
            return {}
        strict, loose = (found.T for found in self._solve(users))
        used = take_columns(self._used, items).T.tocsr()
        vectors, root = self._target_items[items], self._root[items]
        ridge = _product(used, strict)
        # what the ridge says is read as a history in the target, and smoothed as one
        smooth: FloatArray = ((ridge / root) @ vectors) @ vectors.T
        return {
            "ridge": ridge,
            "ridge, loose": _product(used, loose),
            "ridge, short histories": _product(used, strict / self._degree),
            "ridge, smooth": smooth,
            "ridge, smooth x popularity": smooth * root,
        }

    def _solve(self, users: IntArray) -> list[FloatArray]:
        """Return what every anchor weighs, `[num_anchors, len(users)]`, for both penalties."""
        exact, alike = self._places(users)
        kernel = (self._exact @ exact.T).toarray() + self._alike @ alike.T

        def multiply(x: FloatArray) -> FloatArray:
            product: FloatArray = self._rows @ (self._by_item @ x)
            product += self._alike @ (self._alike.T @ x)
            return product

        # no factor of the kernel: making one takes longer than all else that opens a model
        return solve_shifted(multiply, kernel, self._penalties)

    def _places(self, users: IntArray) -> tuple[Sparse, FloatArray]:
        """Return profiles, and what of them lies along the singular vectors, at unit length."""
        profile = self._profile[users]
        projected = profile @ self._vectors
        length = np.linalg.norm(projected, axis=1, keepdims=True)
        return profile, (projected / np.maximum(length, 1e-9)).astype(np.float32)


def normalised(history: Sparse, degrees: FloatArray | None = None) -> Sparse:
    r"""Return $D_u^{-1/2} X D_i^{-1/2}$, CSR float32.

    Args:
        history: $X$.
        degrees: $D_i$, where it is not that of $X$.
    """
    from scipy.sparse import diags_array

    sums = (history.sum(axis=1), history.sum(axis=0) if degrees is None else degrees)
    of_users, of_items = (np.maximum(np.asarray(each).ravel(), 1) ** -0.5 for each in sums)
    scaled = diags_array(of_users) @ history @ diags_array(of_items)
    return scaled.tocsr().astype(np.float32)


def decompose(matrix: Sparse, seed: int) -> tuple[FloatArray, FloatArray]:
    """Return the right singular vectors of a matrix and its singular values.

    Returns:
        float32 `[num_columns, rank]`, `[rank]`.
    """
    rank = min(RANK, min(matrix.shape) - 1)
    if rank < 1 or not matrix.nnz:
        return np.zeros((matrix.shape[1], 0), np.float32), np.zeros((0,), np.float32)
    from sklearn.utils.extmath import randomized_svd

    _, strength, vectors = randomized_svd(matrix, rank, n_iter=3, random_state=seed)
    return np.ascontiguousarray(vectors.T).astype(np.float32), strength.astype(np.float32)


def _scores(rows: FloatArray, columns: FloatArray) -> FloatArray:
    """Return products; a row that may be rounding alone is zero, or scaling would blow it up."""
    scores: FloatArray = rows @ columns.T
    longest = np.linalg.norm(columns, axis=1).max(initial=0)
    bound = ROUNDING * np.linalg.norm(rows, axis=1) * longest
    scores[np.abs(scores).max(axis=1, initial=0) <= bound] = 0
    return scores


def _product(left: Sparse, right: FloatArray) -> FloatArray:
    """Return (left @ right.T).T, which reads both in the order they lie in."""
    product: FloatArray = np.ascontiguousarray((left @ np.ascontiguousarray(right.T)).T)
    return product
