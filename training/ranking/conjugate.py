"""Linear systems of one matrix with several penalties, solved together and without a factor."""

from collections.abc import Callable, Sequence

import numpy as np

from training.baselines.base import FloatArray

TOLERANCE = 1e-6  # of what is left of a right-hand side, relative to its length
MAX_STEPS = 1_000


def solve_shifted(
    multiply: Callable[[FloatArray], FloatArray], right: FloatArray, penalties: Sequence[float]
) -> list[FloatArray]:
    r"""Return $(K + \lambda I)^{-1} B$ for every penalty, by conjugate gradients.

    All penalties share the Krylov space of the least one, so that more of them cost no product
    with $K$ (Frommer and Maass 1999, "Fast CG-based methods for Tikhonov-Phillips regularization").
    Each column stops on its own: its answer does not depend on which others are asked for.

    Args:
        multiply: the product of $K$, symmetric and positive semi-definite, with `[n, columns]`.
        right: $B$, float32 `[n, columns]`.
        penalties: $\lambda$, above zero.

    Returns:
        float32 `[n, columns]` in the order of `penalties`.
    """
    least = int(np.argmin(penalties))
    shifts = np.array(penalties, dtype=np.float64)[:, None] - penalties[least]
    answers = [np.zeros_like(right) for _ in penalties]
    directions = [right.copy() for _ in penalties]
    residual = right.copy()
    length = _squares(residual)
    enough = TOLERANCE**2 * length
    # the residual under every penalty is that under the least, times its share
    share = np.ones((len(penalties), right.shape[1]))
    shrunk = np.ones_like(share)  # in the last step
    carried = np.zeros(right.shape[1])  # of the last step: growth / size
    for _ in range(MAX_STEPS):
        on = length > enough
        if not on.any():
            break
        direction = directions[least]
        product = multiply(direction) + np.float32(penalties[least]) * direction
        curve = np.einsum("ij,ij->j", direction, product, dtype=np.float64)
        size = np.where(on, length / np.where(curve > 0, curve, 1), 0)
        shrunk = 1 / (1 + shifts * size + size * carried * (1 - shrunk))
        for answer, step, own in zip(answers, directions, size * shrunk, strict=True):
            answer += own.astype(np.float32) * step
        residual -= size.astype(np.float32) * product
        left = _squares(residual)
        growth = np.where(on, left / np.where(length > 0, length, 1), 0)
        carried = np.divide(growth, size, out=np.zeros_like(size), where=size > 0)
        share *= shrunk
        for step, own, kept in zip(directions, share, growth * shrunk**2, strict=True):
            step *= kept.astype(np.float32)
            step += own.astype(np.float32) * residual
        length = np.where(on, left, length)
    return answers


def _squares(columns: FloatArray) -> FloatArray:
    squares: FloatArray = np.einsum("ij,ij->j", columns, columns, dtype=np.float64)
    return squares
