"""What two linear methods know: singular vectors of interactions, components of features."""

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float32]
LARGE = 1 << 25  # coordinates of all users; above, never all of them at once
ITERATIONS, OVERSAMPLES = 4, 10  # of the power method; more directions than are asked for
BLOCK = 1 << 18  # users at once


def spectral_items(
    users: IntArray, items: IntArray, num_users: int, num_items: int, width: int, seed: int
) -> FloatArray:
    """Return item vectors V S^1/2 of the degree-normalised interaction matrix D_u^-1/2 X D_i^-1/2.

    One propagation over these is already a low-rank item-based recommender, so that training
    starts there instead of spending its first epochs on finding it (compare Shen et al. 2021, who
    show that LightGCN is a low-pass filter of that matrix).

    Args:
        users: rows of training interactions, of all domains.
        items: rows of the same.
        num_users: number of users.
        num_items: number of items.
        width: number of singular vectors; missing ones are zero.
        seed: of the randomised SVD (Halko et al. 2011).

    Returns:
        float32 `[num_items, width]`, zero for items without interactions, scaled so that the
        rows of the others have unit length in root mean square over the first 256 coordinates:
        a wider embedding adds detail and leaves the rest as it is.
    """
    ones = np.ones(len(users), dtype=np.float32)
    matrix = sparse.csr_matrix((ones, (users, items)), shape=(num_users, num_items))
    user_degree = np.maximum(np.asarray(matrix.sum(axis=1)).ravel(), 1)
    item_degree = np.asarray(matrix.sum(axis=0)).ravel()
    warm = np.flatnonzero(item_degree)
    item_degree = np.maximum(item_degree, 1)
    rank = min(width, min(matrix.shape) - 1)
    out: FloatArray = np.zeros((num_items, width), dtype=np.float32)
    if rank < 1:
        return out
    if num_users * (rank + OVERSAMPLES) > LARGE:
        strength, columns = _of_gram(matrix, user_degree, item_degree, rank, seed)
    else:
        normalised = sparse.diags(user_degree**-0.5) @ matrix @ sparse.diags(item_degree**-0.5)
        _, strength, vectors = randomized_svd(
            normalised, rank, n_iter=ITERATIONS, random_state=seed
        )
        columns = vectors.T
    out[:, :rank] = columns * np.sqrt(strength)
    length = float(np.sqrt(np.square(out[warm, :256]).sum(axis=1).mean()))
    out /= max(length, 1e-12)
    return out


def _of_gram(
    matrix: sparse.csr_matrix,
    user_degree: FloatArray,
    item_degree: FloatArray,
    rank: int,
    seed: int,
) -> tuple[FloatArray, FloatArray]:
    """Return singular values and right vectors, from products with the Gram matrix of the items.

    Two products of the randomised method are made as one, a block of users after the other, so
    that memory holds some matrices of items and none of users.

    Args:
        matrix: interactions, `[num_users, num_items]`.
        user_degree: `[num_users]`.
        item_degree: `[num_items]`.
        rank: how many.
        seed: of the directions it begins with.

    Returns:
        float32 `[rank]`, falling, and `[num_items, rank]`.
    """
    scale = (item_degree**-0.5).astype(np.float32)[:, None]
    share = (1 / user_degree).astype(np.float32)[:, None]

    def product(x: FloatArray) -> FloatArray:
        x, out = x * scale, np.zeros_like(x)
        for first in range(0, matrix.shape[0], BLOCK):
            rows = matrix[first : first + BLOCK]
            out += rows.T @ (rows @ x * share[first : first + BLOCK])
        return out * scale

    width = min(rank + OVERSAMPLES, matrix.shape[1])
    draws = np.random.default_rng(seed)
    basis: FloatArray = draws.standard_normal((matrix.shape[1], width), dtype=np.float32)
    for _ in range(ITERATIONS):
        basis = np.linalg.qr(product(basis))[0]
    values, turn = np.linalg.eigh(basis.T.astype(np.float64) @ product(basis))
    best = np.argsort(-values)[:rank]
    vectors: FloatArray = basis @ turn[:, best].astype(np.float32)
    vectors *= np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(rank)])
    return np.sqrt(np.maximum(values[best], 0)).astype(np.float32), vectors


def principal_texts(x: FloatArray, width: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Return mean and principal components of features, scaled to unit length.

    Args:
        x: features `[num_nodes, in_channels]`; zero rows are left out.
        width: number of components; missing ones are zero.
        seed: of the randomised SVD.

    Returns:
        float32 `[in_channels]` and `[width, in_channels]`. Coordinates of a node are
        `components @ (x - mean)`, of unit length in root mean square over all nodes.
    """
    known = x[(x != 0).any(axis=1)]
    components: FloatArray = np.zeros((width, x.shape[1]), dtype=np.float32)
    rank = min(width, len(known) - 1, x.shape[1])
    if rank < 1:
        return np.zeros(x.shape[1], dtype=np.float32), components
    mean: FloatArray = known.mean(axis=0)
    _, _, directions = randomized_svd(known - mean, rank, n_iter=2, random_state=seed)
    length = float(np.sqrt(np.square((known - mean) @ directions.T).sum(axis=1).mean()))
    if length > 1e-5 * float(np.abs(known).max()):  # less is rounding: all texts are the same
        components[:rank] = directions / length
    return mean, components
