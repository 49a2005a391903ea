"""Linear systems of one matrix with several penalties, solved together and without a factor."""

from collections.abc import Callable, Sequence

import numpy as np

from training.baselines.base import FloatArray

TOLERANCE = 1e-6  # of what is left of a right-hand side, relative to its length
MAX_STEPS = 1_000
LEADING = 32  # eigenvectors that are worth knowing
SMALL = 256  # rows of a matrix that is solved without them
EXACT = 1e-6  # of an eigenvector: the length of K v - value v, relative to the greatest value


def solve_shifted(
    multiply: Callable[[FloatArray], FloatArray],
    right: FloatArray,
    penalties: Sequence[float],
    known: tuple[FloatArray, FloatArray] | None = None,
) -> list[FloatArray]:
    r"""Return $(K + \lambda I)^{-1} B$ for every penalty, by conjugate gradients.

    All penalties share the Krylov space of the least one, so that more of them cost no product
    with $K$ (Frommer and Maass 1999, "Fast CG-based methods for Tikhonov-Phillips regularization").
    Each column stops on its own: its answer does not depend on which others are asked for.
    Where eigenvectors are known, what lies along them is divided by their eigenvalues, and the
    steps are left for the rest, whose eigenvalues are near each other.

    Args:
        multiply: the product of $K$, symmetric and positive semi-definite, with `[n, columns]`.
        right: $B$, float32 `[n, columns]`.
        penalties: $\lambda$, above zero.
        known: some eigenvalues of $K$ and their vectors (`leading`), `[m]` and `[n, m]`.

    Returns:
        float32 `[n, columns]` in the order of `penalties`.
    """
    least = int(np.argmin(penalties))
    shifts = np.array(penalties, dtype=np.float64)[:, None] - penalties[least]
    enough = TOLERANCE**2 * _squares(right)
    residual, room = right.copy(), np.empty_like(right)
    answers = [np.zeros_like(right) for _ in penalties]
    if known is not None:
        values, vectors = known
        along = vectors.T @ right
        residual -= vectors @ along
        for answer, penalty in zip(answers, penalties, strict=True):
            answer += vectors @ (along / (values + np.float32(penalty))[:, None])
    directions = [residual.copy() for _ in penalties]
    length = _squares(residual)
    # the residual under every penalty is that under the least, times its share
    share = np.ones((len(penalties), right.shape[1]))
    shrunk = np.ones_like(share)  # in the last step
    carried = np.zeros(right.shape[1])  # of the last step: growth / size
    for _ in range(MAX_STEPS):
        on = length > enough
        if not on.any():
            break
        direction = directions[least]
        product = multiply(direction)
        if known is not None:  # the steps would blow up what rounding leaves along them
            product -= np.matmul(vectors, vectors.T @ product, out=room)
        product += np.multiply(direction, np.float32(penalties[least]), out=room)
        curve = np.einsum("ij,ij->j", direction, product, dtype=np.float64)
        size = np.where(on, length / np.where(curve > 0, curve, 1), 0)
        shrunk = 1 / (1 + shifts * size + size * carried * (1 - shrunk))
        for answer, step, own in zip(answers, directions, size * shrunk, strict=True):
            answer += np.multiply(step, own.astype(np.float32), out=room)
        residual -= np.multiply(product, size.astype(np.float32), out=room)
        left = _squares(residual)
        growth = np.where(on, left / np.where(length > 0, length, 1), 0)
        carried = np.divide(growth, size, out=np.zeros_like(size), where=size > 0)
        share *= shrunk
        for step, own, kept in zip(directions, share, growth * shrunk**2, strict=True):
            step *= kept.astype(np.float32)
            step += np.multiply(residual, own.astype(np.float32), out=room)
        length = np.where(on, left, length)
    return answers


def leading(
    multiply: Callable[[FloatArray], FloatArray], size: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Return the greatest eigenvalues of a symmetric matrix and their vectors.

    Args:
        multiply: its product with `[size, columns]`.
        size: rows of the matrix.
        seed: of the search, which ends at the same vectors to rounding.

    Returns:
        float32 `[m]` and `[size, m]`; none of a small matrix, which needs few steps without.
    """
    if size < SMALL:
        return np.zeros(0, dtype=np.float32), np.zeros((size, 0), dtype=np.float32)
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    operator = LinearOperator((size, size), matvec=multiply, dtype=np.float32)
    rng = np.random.default_rng(seed)
    start = rng.normal(size=size).astype(np.float32)
    try:
        values, vectors = eigsh(operator, LEADING, which="LA", v0=start, rng=rng)
    except ArpackNoConvergence as found:
        values, vectors = found.eigenvalues, found.eigenvectors
    values, vectors = values.astype(np.float32), vectors.astype(np.float32)
    apart = np.linalg.norm(multiply(vectors) - vectors * values, axis=0)
    exact = apart <= EXACT * values.max(initial=0)
    return values[exact], np.ascontiguousarray(vectors[:, exact])


def _squares(columns: FloatArray) -> FloatArray:
    squares: FloatArray = np.einsum("ij,ij->j", columns, columns, dtype=np.float64)
    return squares
