import tracemalloc

import numpy as np
import pytest

from gnn.spectral import principal_texts, spectral_items

NUM_USERS, NUM_ITEMS, COLD = 20, 13, 12


@pytest.fixture
def edges():
    """Two blocks: users 0-9 with items 0-5, users 10-19 with items 6-11; nobody with item 12."""
    rng = np.random.default_rng(0)
    pairs = [
        (user, item)
        for user in range(NUM_USERS)
        for item in range(12)
        if (user < 10) == (item < 6) and rng.random() < 0.7
    ]
    return np.array(pairs, dtype=np.int64).T


@pytest.fixture(params=["all users at once", "blocks of users"])
def _way(request, monkeypatch):
    if request.param == "blocks of users":
        monkeypatch.setattr("gnn.spectral.LARGE", 0)
        monkeypatch.setattr("gnn.spectral.BLOCK", 6)


def vectors(edges, width=4, seed=0):
    return spectral_items(edges[0], edges[1], NUM_USERS, NUM_ITEMS, width, seed)


@pytest.mark.usefixtures("_way")
def test_items_of_one_block_are_closest(edges):
    found = vectors(edges, width=2)[:12]
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    cosine = unit @ unit.T

    same = (np.arange(12) < 6)[:, None] == (np.arange(12) < 6)
    assert cosine[same].min() > cosine[~same].max() + 0.5


@pytest.mark.usefixtures("_way")
def test_products_equal_the_low_rank_matrix(edges):
    """V S V' is the square root of the item-item matrix A'A, whose eigenvalues are S^2."""
    matrix = np.zeros((NUM_USERS, NUM_ITEMS))
    matrix[edges[0], edges[1]] = 1
    degrees = np.sqrt(np.maximum(matrix.sum(1), 1)), np.sqrt(np.maximum(matrix.sum(0), 1))
    _, strength, rows = np.linalg.svd(matrix / degrees[0][:, None] / degrees[1])
    expected = rows[:4].T @ np.diag(strength[:4]) @ rows[:4]

    found = vectors(edges)
    product = found @ found.T

    scale = np.trace(expected) / np.trace(product)
    np.testing.assert_allclose(product * scale, expected, atol=1e-3)


@pytest.mark.usefixtures("_way")
def test_warm_items_have_unit_length_and_cold_ones_nothing(edges):
    found = vectors(edges)

    assert found.dtype == np.float32
    assert np.square(found[:12]).sum(axis=1).mean() == pytest.approx(1, rel=1e-5)
    assert not found[COLD].any()


@pytest.mark.usefixtures("_way")
def test_missing_singular_vectors_are_zero(edges):
    found = vectors(edges, width=40)

    assert found.shape == (NUM_ITEMS, 40)
    assert found[:, :12].any(axis=0).all()
    assert not found[:, 12:].any()


@pytest.mark.usefixtures("_way")
def test_one_seed_gives_one_result(edges):
    first = vectors(edges)
    np.random.seed(7)  # noqa: NPY002 - the global generator is disturbed on purpose

    assert np.array_equal(vectors(edges), first)


@pytest.mark.usefixtures("_way")
def test_the_order_of_edges_does_not_matter(edges):
    shuffled = edges[:, np.random.default_rng(1).permutation(edges.shape[1])]

    np.testing.assert_array_equal(vectors(shuffled), vectors(edges))


@pytest.mark.usefixtures("_way")
def test_one_user_gives_zeros():
    assert not spectral_items(np.array([0, 0]), np.array([0, 1]), 1, 2, 3, 0).any()


def test_large_graphs_have_no_matrix_of_all_users(monkeypatch):
    rng = np.random.default_rng(0)
    users, items = rng.integers(200_000, size=200_000), rng.integers(100, size=200_000)
    peaks = []
    for large in (1 << 60, 0):
        monkeypatch.setattr("gnn.spectral.LARGE", large)
        monkeypatch.setattr("gnn.spectral.BLOCK", 1_000)
        tracemalloc.start()
        spectral_items(users, items, 200_000, 100, 16, 0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 200_000 * 26 * 4 < peaks[0]


@pytest.fixture
def texts():
    rng = np.random.default_rng(2)
    scales = np.array([5, 3, 1, 0.1, 0.1])
    x = (rng.normal(size=(200, 5)) * scales + 1).astype(np.float32)
    x[7] = 0  # says nothing
    return x


def test_principal_components_are_those_of_the_covariance(texts):
    mean, components = principal_texts(texts, 2, 0)

    known = np.delete(texts, 7, axis=0)
    np.testing.assert_allclose(mean, known.mean(0), rtol=1e-4)
    _, vectors = np.linalg.eigh(np.cov(known.T))
    unit = components / np.linalg.norm(components, axis=1, keepdims=True)
    np.testing.assert_allclose(np.abs((unit * vectors.T[::-1][:2]).sum(1)), 1, atol=1e-3)
    lengths = np.square((known - mean) @ components.T).sum(axis=1)
    assert lengths.mean() == pytest.approx(1, rel=1e-3)


def test_missing_components_are_zero(texts):
    _, components = principal_texts(texts, 8, 0)

    assert components.shape == (8, 5)
    assert components[:5].any(axis=1).all()
    assert not components[5:].any()


@pytest.mark.parametrize("num_columns", [1, 8])
def test_texts_that_are_all_the_same_have_no_components(num_columns):
    row = np.random.default_rng(0).normal(size=num_columns).astype(np.float32)

    for x in (np.tile(row, (50, 1)), row[None], np.zeros((3, num_columns), np.float32)):
        mean, components = principal_texts(x, 4, 0)
        assert not components.any()
        assert np.isfinite(mean).all()
