"""What two linear methods know: singular vectors of interactions, components of features."""

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float32]


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
    item_degree = np.maximum(np.asarray(matrix.sum(axis=0)).ravel(), 1)
    normalised = sparse.diags(user_degree**-0.5) @ matrix @ sparse.diags(item_degree**-0.5)
    rank = min(width, min(normalised.shape) - 1)
    out: FloatArray = np.zeros((num_items, width), dtype=np.float32)
    if rank < 1:
        return out
    _, strength, vectors = randomized_svd(normalised, rank, n_iter=4, random_state=seed)
    out[:, :rank] = vectors.T * np.sqrt(strength)
    warm = np.unique(items)
    length = float(np.sqrt(np.square(out[warm, :256]).sum(axis=1).mean()))
    out /= max(length, 1e-12)
    return out


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
