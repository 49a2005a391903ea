"""Signals from singular vectors, and the ridge regression of what users like on what they did."""

from collections.abc import Iterator
from copy import copy

import numpy as np

from kg.vocab import IntArray
from training.baselines.base import FloatArray
from training.baselines.matrices import Sparse, scale_rows, take_columns, turned
from training.ranking.columns import LatentColumns, RidgeColumns
from training.ranking.conjugate import leading, solve_shifted
from training.ranking.fitted import Fitted
from training.ranking.new_items import NewItems
from training.ranking.people import People
from training.ranking.weighing import Said
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
        self._carry, self._warm = world.carry, world.warm

    def asked_by(self, people: People) -> "Latent":
        """Return the same for others, who take the place of its users."""
        asked = copy(self)
        asked._rows = normalised(people.history, self._degrees)
        return asked

    def columns(self, items: IntArray) -> LatentColumns:
        """Return what the signals need of these items."""
        # the carry is applied to vectors, not to scores; what is warm is carried by itself alone
        carried_plain = take_columns(self._carry, items).T @ self.items
        plain = turned(carried_plain, np.arange(len(items)))
        root, cold = self.root[items], np.flatnonzero(~self._warm[items])
        popular = self.items * self.root[:, None]
        carried = _turned(take_columns(self._carry, items[cold]).T @ popular)
        length = _lengths(plain) * root
        length[cold] = _lengths(carried)
        longest, most_popular = _lengths(plain).max(initial=0), length.max(initial=0)
        return LatentColumns(plain, root, cold, carried, float(longest), float(most_popular))

    def new_columns(self, new: NewItems) -> LatentColumns:
        """Return the same of items that nothing was learned from."""
        plain = _turned(new.carry.T @ self.items)
        carried = _turned(new.carry.T @ (self.items * self.root[:, None]))
        longest, most_popular = (_lengths(each).max(initial=0) for each in (plain, carried))
        root = np.ones(len(new), dtype=np.float32)
        each = np.arange(len(new))
        return LatentColumns(plain, root, each, carried, float(longest), float(most_popular))

    def said(self, users: IntArray, columns: LatentColumns) -> Iterator[tuple[str, Said]]:
        """Yield signals by name, `[len(users), num_columns]`."""
        rows = self._rows[users] @ self.items
        plain = rows @ columns.plain
        popular = plain * columns.root
        popular[:, columns.cold] = rows @ columns.carried
        yield "latent", _clear(plain, rows, columns.longest)
        yield "latent x popularity", _clear(popular, rows, columns.most_popular)
        rows *= self.strength
        yield "latent, strong", _clear(rows @ columns.plain, rows, columns.longest)


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

    Attributes:
        anchors: their rows, int64 `[num_anchors]`.
        degree: root of how much each uses in the target, `[num_anchors]`.
        exact: profiles, CSR `[num_anchors, num_items]`.
        alike: what of them lies along the singular vectors, at unit length, `[num_anchors, width]`.
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
        self.degree: FloatArray = np.sqrt(np.maximum(np.diff(self._used.indptr), 1)).astype(
            np.float32
        )
        self.exact, self.alike = self._places(both)
        # the same without columns that are empty, to be multiplied with
        self._rows = self.exact[:, np.unique(self.exact.indices)]
        self._by_item = self._rows.T.tocsr()
        penalty = PENALTY * np.sqrt(max(len(both), 1))
        self._penalties = (penalty, penalty / 3)
        names = ("ridge.eigenvalues", "ridge.eigenvectors")
        values, vectors = fitted.arrays(
            *names, make=lambda: leading(self._multiply, len(both), fitted.seed)
        )
        self._known = values, vectors
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

    def columns(self, items: IntArray) -> RidgeColumns:
        """Return what the signals need of these items."""
        used = take_columns(self._used, items).T.tocsr()
        root = self._root[items]
        # what the ridge says is read as a history in the target, and smoothed as one
        read = scale_rows(used, np.float32(1) / root).T.tocsr() @ self._target_items[items]
        return RidgeColumns(used, root, read, turned(self._target_items, items))

    def new_columns(self, new: NewItems) -> RidgeColumns:
        """Return the same of items that nothing was learned from: nobody used them."""
        from scipy.sparse import csr_array

        used = csr_array((len(new), len(self.anchors)), dtype=np.float32)
        root = np.ones(len(new), dtype=np.float32)
        read = np.zeros((len(self.anchors), 1), dtype=np.float32)
        return RidgeColumns(used, root, read, np.zeros((1, len(new)), dtype=np.float32))

    def said(self, users: IntArray, columns: RidgeColumns) -> Iterator[tuple[str, Said]]:
        """Yield signals by name, `[len(users), num_columns]`; none where nobody is an anchor."""
        if not len(self.anchors):
            return
        strict, loose = self.solve(self._kernel(users))
        smooth = (strict.T @ columns.read) @ columns.vectors
        yield "ridge", _turned(columns.used @ strict)
        yield "ridge, loose", _turned(columns.used @ loose)
        strict /= self.degree[:, None]
        yield "ridge, short histories", _turned(columns.used @ strict)
        popular = smooth * columns.root
        yield "ridge, smooth", smooth
        yield "ridge, smooth x popularity", popular

    def solve(self, right: FloatArray) -> list[FloatArray]:
        r"""Return $(K + \lambda I)^{-1} B$ for both penalties, the strict one first.

        Args:
            right: $B$, float32 `[num_anchors, columns]`.
        """
        # no factor of the kernel: making one takes longer than all else that opens a model
        return solve_shifted(self._multiply, right, self._penalties, self._known)

    def _kernel(self, users: IntArray) -> FloatArray:
        """Return how alike every anchor is to users, `[num_anchors, len(users)]`."""
        exact, alike = self._places(users)
        kernel: FloatArray = (self.exact @ exact.T).toarray()
        kernel += self.alike @ alike.T
        return kernel

    def _multiply(self, x: FloatArray) -> FloatArray:
        product: FloatArray = self._rows @ (self._by_item @ x)
        product += self.alike @ (self.alike.T @ x)
        return product

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


def _clear(scores: FloatArray, rows: FloatArray, longest: float) -> FloatArray:
    """Set rows to zero that may be rounding alone, or scaling would blow them up, in place.

    Args:
        scores: `rows` times columns of which none is longer than `longest`.
        rows: `[users, width]`.
        longest: length.
    """
    bound = ROUNDING * np.linalg.norm(rows, axis=1) * longest
    largest = np.maximum(scores.max(axis=1, initial=0), -scores.min(axis=1, initial=0))
    scores[largest <= bound] = 0
    return scores


def _lengths(columns: FloatArray) -> FloatArray:
    lengths: FloatArray = np.sqrt(np.einsum("ij,ij->j", columns, columns))
    return lengths


def _turned(product: FloatArray) -> FloatArray:
    turned: FloatArray = np.ascontiguousarray(product.T)
    return turned
