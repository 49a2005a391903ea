"""Linear systems of one matrix with several penalties, solved together and without a factor."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from training.baselines.base import FloatArray

TOLERANCE = 1e-6  # of what is left of a right-hand side, relative to its length
MAX_STEPS = 1_000
BLOCK_CELLS = 1 << 15  # of an array that a pass goes over at once
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
    enough = TOLERANCE**2 * _dots(right, right)
    values, vectors = known or _nothing(len(right))
    along = vectors.T @ right
    residual = right - vectors @ along
    answers = [vectors @ (along / (values + np.float32(p))[:, None]) for p in penalties]
    directions = [residual.copy() for _ in penalties]
    length = _dots(residual, residual)
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
        if known is not None:  # steps would blow up what rounding leaves along the vectors
            product -= vectors @ (vectors.T @ product)
        for rows, room in _blocks(right):
            product[rows] += np.multiply(direction[rows], np.float32(penalties[least]), out=room)
        curve = _dots(direction, product)
        size = np.where(on, length / np.where(curve > 0, curve, 1), 0)
        shrunk = 1 / (1 + shifts * size + size * carried * (1 - shrunk))
        steps, back = (size * shrunk).astype(np.float32), size.astype(np.float32)
        for rows, room in _blocks(right):
            for answer, step, own in zip(answers, directions, steps, strict=True):
                answer[rows] += np.multiply(step[rows], own, out=room)
            residual[rows] -= np.multiply(product[rows], back, out=room)
        left = _dots(residual, residual)
        growth = np.where(on, left / np.where(length > 0, length, 1), 0)
        carried = np.divide(growth, size, out=np.zeros_like(size), where=size > 0)
        share *= shrunk
        kept, new = (growth * shrunk**2).astype(np.float32), share.astype(np.float32)
        for rows, room in _blocks(right):
            for step, old, own in zip(directions, kept, new, strict=True):
                step[rows] *= old
                step[rows] += np.multiply(residual[rows], own, out=room)
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
        return _nothing(size)
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


def _nothing(size: int) -> tuple[FloatArray, FloatArray]:
    return np.zeros(0, dtype=np.float32), np.zeros((size, 0), dtype=np.float32)


def _blocks(columns: FloatArray) -> Iterator[tuple[slice, FloatArray]]:
    """Yield rows that stay in the cache between passes, and room for as many."""
    rows, width = columns.shape
    step = max(1, BLOCK_CELLS // max(1, width))
    room = np.empty((min(step, rows), width), dtype=np.float32)
    for start in range(0, rows, step):
        yield slice(start, start + step), room[: min(step, rows - start)]


def _dots(one: FloatArray, other: FloatArray) -> npt.NDArray[np.float64]:
    """Return the dot product of each column with that of the other, `[columns]`."""
    dots = np.zeros(one.shape[1])
    for rows, room in _blocks(one):
        dots += np.multiply(one[rows], other[rows], out=room).sum(axis=0)
    return dots
