import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from kg.errors import InputError
from queries.candidates import pair_scores, top_k


def brute_force(user_z, item_z, bias, candidates, k, seen=None):
    """The definition: sort every candidate of every user by (-score, row)."""
    indices = np.full((len(user_z), k), -1)
    scores = np.full((len(user_z), k), -np.inf, dtype=np.float32)
    for user in range(len(user_z)):
        hidden = set() if seen is None else set(seen[[user]].indices.tolist())
        rows = np.array([item for item in candidates if item not in hidden], dtype=np.int64)
        values = pair_scores(user_z, item_z, bias, np.full(len(rows), user), rows)
        order = np.lexsort((rows, -values))[:k]
        indices[user, : len(order)] = rows[order]
        scores[user, : len(order)] = values[order]
    return indices, scores


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    user_z = rng.normal(size=(23, 8)).astype(np.float32)
    item_z = rng.normal(size=(101, 8)).astype(np.float32)
    bias = rng.normal(size=101).astype(np.float32)
    seen = sparse.random_array((23, 101), density=0.2, rng=rng, format="csr")
    candidates = np.sort(rng.choice(101, size=60, replace=False))
    return user_z, item_z, bias, candidates, seen


@pytest.mark.parametrize("block_bytes", [1, 3_000, 20_000, 2**26])
@pytest.mark.parametrize("device", [None, "cpu"])
@pytest.mark.parametrize("k", [1, 7, 50])
def test_equals_brute_force(problem, block_bytes, device, k):
    user_z, item_z, bias, candidates, seen = problem
    indices, scores = top_k(
        user_z, item_z, bias, candidates, k=k, seen=seen, block_bytes=block_bytes, device=device
    )
    expected, expected_scores = brute_force(user_z, item_z, bias, candidates, k, seen)
    np.testing.assert_array_equal(indices, expected)
    np.testing.assert_array_equal(scores, expected_scores)


@pytest.mark.parametrize("block_bytes", [1, 4_000, 2**26])
@pytest.mark.parametrize("device", [None, "cpu"])
def test_ties_go_to_the_lowest_row(block_bytes, device):
    item_z = np.zeros((300, 1), dtype=np.float32)
    bias = np.zeros(300, dtype=np.float32)
    bias[[250, 17]] = 1.0
    user_z = -np.ones((3, 1), dtype=np.float32)
    candidates = np.arange(299, 0, -1)
    indices, _ = top_k(
        user_z, item_z, bias, candidates, k=5, block_bytes=block_bytes, device=device
    )
    np.testing.assert_array_equal(indices, [[17, 250, 1, 2, 3]] * 3)


def test_an_answer_does_not_depend_on_the_batch(problem):
    user_z, item_z, bias, candidates, seen = problem
    indices, scores = top_k(user_z, item_z, bias, candidates, k=9, seen=seen)
    for user in range(len(user_z)):
        alone = top_k(user_z[user : user + 1], item_z, bias, candidates, k=9, seen=seen[[user]])
        np.testing.assert_array_equal(alone[0][0], indices[user])
        np.testing.assert_array_equal(alone[1][0], scores[user])


@pytest.mark.parametrize("num_users", [1, 3, 64])
def test_rounding_of_matrix_products_decides_nothing(num_users):
    rng = np.random.default_rng(2)
    item_z = rng.normal(size=(1, 128)).astype(np.float32).repeat(15, axis=0)
    item_z *= 1 + rng.normal(size=item_z.shape).astype(np.float32) * 3e-7
    user_z = rng.normal(size=(num_users, 128)).astype(np.float32)
    bias = np.zeros(15, dtype=np.float32)
    found = top_k(user_z, item_z, bias, np.arange(15), k=2)
    expected = brute_force(user_z, item_z, bias, np.arange(15), 2)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


def test_what_is_missing_is_padded(problem):
    user_z, item_z, bias, _, _ = problem
    seen = sparse.csr_array(np.ones((23, 101)))
    indices, scores = top_k(user_z, item_z, bias, np.arange(101), k=4, seen=seen)
    assert (indices == -1).all()
    assert np.isneginf(scores).all()
    indices, scores = top_k(user_z, item_z, bias, np.array([3, 5]), k=4)
    assert (np.sort(indices, axis=1) == [-1, -1, 3, 5]).all()
    assert np.isneginf(scores[:, 2:]).all()
    indices, _ = top_k(user_z, item_z, bias, np.empty(0, dtype=np.int64), k=4)
    assert indices.shape == (23, 4)
    assert (indices == -1).all()


def test_large_scores_keep_their_order():
    bias = np.array([-1e9, 1e9, 0, -1e-9, 1e-9, 3e38], dtype=np.float32)
    zero = np.zeros((1, 2), dtype=np.float32)
    indices, scores = top_k(zero, np.zeros((6, 2), np.float32), bias, np.arange(6), k=6)
    np.testing.assert_array_equal(indices[0], [5, 1, 4, 2, 3, 0])
    np.testing.assert_array_equal(scores[0], bias[indices[0]])


def test_k_must_be_positive(problem):
    user_z, item_z, bias, candidates, _ = problem
    with pytest.raises(InputError, match="k = 0: expected at least 1"):
        top_k(user_z, item_z, bias, candidates, k=0)


def test_a_device_that_is_not_there_is_refused(problem):
    user_z, item_z, bias, candidates, _ = problem
    with pytest.raises(InputError, match="device 'cuda:99' cannot be used: "):
        top_k(user_z, item_z, bias, candidates, k=1, device="cuda:99")


@pytest.mark.parametrize("spread", [0, 1])  # 0: everything is tied
def test_memory_stays_under_the_bound(spread):
    rng = np.random.default_rng(1)
    user_z = rng.normal(scale=spread, size=(500, 16)).astype(np.float32)
    item_z = rng.normal(size=(20_000, 16)).astype(np.float32)
    bias = np.zeros(20_000, dtype=np.float32)
    bound = 8 * 2**20
    tracemalloc.start()
    try:
        top_k(user_z, item_z, bias, np.arange(20_000), k=10, block_bytes=bound)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The full matrix would take 40 MB. The answer and the list of candidates come on top.
    assert peak < bound + 2**20
