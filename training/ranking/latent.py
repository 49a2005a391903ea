"""Signals from singular vectors, and the ridge regression of what users like on what they did."""

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from sklearn.utils.extmath import randomized_svd

from kg.vocab import IntArray
from training.baselines.base import FloatArray
from training.baselines.matrices import Sparse, take_columns
from training.ranking.world import World

RANK = 256
MAX_ANCHORS = 8_192  # users the ridge is solved over: a matrix of so many squared
ROUNDING = 1e-5  # of a product, relative to the lengths of its factors
PENALTY = 1.2  # of the ridge, times the root of the number of anchors


class Latent:
    r"""A low-rank recommender (PureSVD, Cremonesi et al. 2010) on normalised interactions.

    With $\hat A = D_u^{-1/2} X D_i^{-1/2} \approx U S V^\top$ a user's row is $\hat a_u V$.

    Args:
        world: what may be learned from.
        seed: of the randomised SVD.
    """

    def __init__(self, world: World, seed: int) -> None:
        self.items, self.strength, self.users = decompose(world.all_history, seed)
        self.root: FloatArray = np.sqrt(np.maximum(world.popularity, 1)).astype(np.float32)
        self._carry = world.carry

    def signals(self, users: IntArray, items: IntArray) -> dict[str, FloatArray]:
        """Return signals by name, each `[len(users), len(items)]`."""
        # one dense product per block: the carry is applied to vectors, not to scores
        columns = take_columns(self._carry, items).T
        plain, popular = columns @ self.items, columns @ (self.items * self.root[:, None])
        rows = self.users[users]
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
    """

    def __init__(self, world: World, latent: Latent, seed: int) -> None:
        self._profile = world.profile
        projected = self._profile @ latent.items
        length = np.linalg.norm(projected, axis=1, keepdims=True)
        self._latent = (projected / np.maximum(length, 1e-9)).astype(np.float32)
        used = world.target_history
        both = np.flatnonzero((np.diff(used.indptr) > 0) & (np.diff(self._profile.indptr) > 0))
        if len(both) > MAX_ANCHORS:  # those who say most
            busiest = np.argsort(-np.diff(used.indptr)[both], kind="stable")[:MAX_ANCHORS]
            both = np.sort(both[busiest])
        self.anchors = both
        self._used = used[both]
        self._degree = np.sqrt(np.maximum(np.diff(self._used.indptr), 1)).astype(np.float32)
        kernel = self._kernel(both)
        penalty = PENALTY * np.sqrt(max(len(both), 1))
        self._solve = [_factor(kernel, penalty * share) for share in (1.0, 1 / 3)]
        self._root = latent.root.astype(np.float32)
        target = world.split.train.item_mask(world.split.target)
        in_target = world.target_history[:, np.flatnonzero(target)]
        vectors, _, _ = decompose(in_target, seed)
        self._target_items = np.zeros((used.shape[1], vectors.shape[1]), dtype=np.float32)
        self._target_items[target] = vectors

    def signals(self, users: IntArray, items: IntArray) -> dict[str, FloatArray]:
        """Return signals by name, each `[len(users), len(items)]`."""
        if not len(self.anchors):
            return {}
        kernel = self._kernel(users).T
        strict, loose = (cho_solve(factor, kernel).T for factor in self._solve)
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

    def _kernel(self, users: IntArray) -> FloatArray:
        exact = (self._profile[users] @ self._profile[self.anchors].T).toarray()
        kernel: FloatArray = exact + self._latent[users] @ self._latent[self.anchors].T
        return kernel


def decompose(history: Sparse, seed: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return item vectors, singular values and user rows of the normalised interactions.

    Returns:
        float32 `[num_items, rank]`, `[rank]`, `[num_users, rank]`.
    """
    from scipy.sparse import diags_array

    degrees = [np.maximum(np.asarray(history.sum(axis=axis)).ravel(), 1) for axis in (1, 0)]
    scaled = diags_array(degrees[0] ** -0.5) @ history @ diags_array(degrees[1] ** -0.5)
    scaled = scaled.tocsr().astype(np.float32)
    rank = min(RANK, min(scaled.shape) - 1)
    if rank < 1 or not scaled.nnz:
        rows, columns = scaled.shape
        empty = np.zeros((0,), dtype=np.float32)
        return np.zeros((columns, 0), np.float32), empty, np.zeros((rows, 0), np.float32)
    _, strength, vectors = randomized_svd(scaled, rank, n_iter=3, random_state=seed)
    items = np.ascontiguousarray(vectors.T).astype(np.float32)
    return items, strength.astype(np.float32), scaled @ items


def _scores(rows: FloatArray, columns: FloatArray) -> FloatArray:
    """Return products; a row that may be rounding alone is zero, or scaling would blow it up."""
    scores: FloatArray = rows @ columns.T
    longest = np.linalg.norm(columns, axis=1).max(initial=0)
    bound = ROUNDING * np.linalg.norm(rows, axis=1) * longest
    scores[np.abs(scores).max(axis=1, initial=0) <= bound] = 0
    return scores


def _factor(kernel: FloatArray, penalty: float) -> tuple[FloatArray, bool]:
    system = kernel.copy()
    system[np.diag_indices(len(system))] += np.float32(penalty)
    factor: tuple[FloatArray, bool] = cho_factor(system, lower=True, overwrite_a=True)
    return factor


def _product(left: Sparse, right: FloatArray) -> FloatArray:
    """Return (left @ right.T).T, which reads both in the order they lie in."""
    product: FloatArray = np.ascontiguousarray((left @ np.ascontiguousarray(right.T)).T)
    return product
