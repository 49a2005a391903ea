import numpy as np
import pytest
from scipy.sparse import csr_array

from training.baselines.cmf import CMF, domain_masks, factorise


def loss(matrices, masks, weights, users, items, regularization) -> float:
    total = regularization * float((users**2).sum() + (items**2).sum())
    for matrix, mask, weight in zip(matrices, masks, weights, strict=True):
        active = matrix.any(axis=1)
        rest = matrix[np.ix_(active, mask)] - users[active] @ items[mask].T
        total += weight * float((rest**2).sum())
    return total


def problem(task, dense):
    masks = domain_masks(task.split)
    matrices = [dense(task) * mask for mask in masks]
    start = np.random.default_rng(0).normal(0, 0.1, (matrices[0].shape[1], 4))
    return masks, matrices, start


def test_every_iteration_lowers_the_loss_to_a_minimum(random_task, dense):
    masks, matrices, start = problem(random_task("user-cold"), dense)
    sparse, weights = [csr_array(matrix) for matrix in matrices], [1.0, 0.4]
    losses = []
    for iterations in (1, 2, 5, 20, 300):
        users, items = factorise(sparse, masks, weights, start, 0.7, iterations)
        losses.append(loss(matrices, masks, weights, users, items, 0.7))
    assert np.all(np.diff(losses) < 0)
    gradient = 0.7 * items.astype(float)
    for matrix, mask, weight in zip(matrices, masks, weights, strict=True):
        mine = users[matrix.any(axis=1)].astype(float)
        rest = mine @ items[mask].T - matrix[np.ix_(matrix.any(axis=1), mask)]
        gradient[mask] += weight * rest.T @ mine
    np.testing.assert_allclose(gradient, 0, atol=1e-4)


def test_one_domain_is_the_truncated_svd(dense, make_task):
    rng = np.random.default_rng(2)
    pairs = list(zip(*np.nonzero(rng.random((30, 12)) < 0.4), strict=True))
    task = make_task("warm", ["f"] * 12, 30, pairs, sources=())
    left, values, right = np.linalg.svd(dense(task), full_matrices=False)
    best = left[:, :4] * values[:4] @ right[:4]
    model = CMF(task, factors=4, regularization=1e-6, iterations=500)
    np.testing.assert_allclose(model.score(np.arange(30), np.arange(12)), best, atol=2e-3)


def test_who_has_nothing_in_the_target_is_not_one_who_dislikes_it(make_task):
    # user 0 is cold; all others with book 0 have film 2, those with book 1 have film 3
    pairs = [(0, 0)] + [(user, item) for user in range(1, 9) for item in (user % 2, 2 + user % 2)]
    task = make_task("user-cold", ["b", "b", "f", "f"], 9, pairs, held=[(0, 2)])
    model = CMF(task, factors=2, regularization=1e-3, iterations=100)
    np.testing.assert_allclose(model.score(np.array([0]), np.array([2, 3])), [[1, 0]], atol=0.02)


def test_no_item_is_in_two_matrices(make_task):
    task = make_task("warm", ["bf", "bg", "g", "f"], 1, [(0, 0)], sources=("books", "games"))
    masks = domain_masks(task.split)
    assert [np.flatnonzero(mask).tolist() for mask in masks] == [[0, 3], [1], [2]]


@pytest.mark.parametrize("protocol", ["user-cold", "item-cold", "warm"])
def test_one_seed_one_result(random_task, protocol):
    task = random_task(protocol)
    one, two = (CMF(task, seed=5, factors=4).score(np.arange(9), np.arange(50)) for _ in "ab")
    assert one.any()
    assert np.array_equal(one, two)
