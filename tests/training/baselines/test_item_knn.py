import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.metrics.pairwise import cosine_similarity

from training.baselines import item_knn, matrices
from training.baselines.item_knn import ItemKNN
from training.baselines.matrices import top_of_rows

PROTOCOLS = ["user-cold", "item-cold", "warm"]


def own_of(task, history: np.ndarray) -> np.ndarray:
    target = task.split.train.item_mask("films")
    return history * ~target if task.split.protocol == "user-cold" else history


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_without_settings_it_is_the_cosine_of_scikit_learn(random_task, dense, protocol):
    task = random_task(protocol)
    history = dense(task)
    similar = cosine_similarity(history.T)
    np.fill_diagonal(similar, 0)
    items = np.flatnonzero(task.split.train.item_mask("films"))[::-1]
    expected = own_of(task, history) @ similar[:, items]
    assert expected.any()
    scores = ItemKNN(task, k=0, shrink=0.0).score(np.arange(80), items)
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-6)


def test_k_shrinkage_and_idf_by_definition(random_task, dense):
    task = random_task("warm")
    history = dense(task)
    weighted = history * np.log(50 / (1 + history.sum(axis=1, keepdims=True)))
    norms = np.linalg.norm(weighted, axis=0)
    similar = weighted.T @ weighted / (np.outer(norms, norms) + 3)
    np.fill_diagonal(similar, 0)
    for column in similar.T:
        column[np.argsort(-column)[4:]] = 0
    items = task.split.test.candidates
    scores = ItemKNN(task, k=4, shrink=3.0, idf=True).score(np.arange(80), items)
    np.testing.assert_allclose(scores, history @ similar[:, items], rtol=1e-4, atol=1e-6)


def test_blocks_change_nothing(random_task, monkeypatch):
    task = random_task("warm")
    items = task.split.test.candidates
    whole = ItemKNN(task, k=5).score(np.arange(80), items)
    monkeypatch.setattr(item_knn, "BLOCK_PAIRS", 1)
    monkeypatch.setattr(matrices, "BLOCK_BYTES", 1)
    assert np.array_equal(ItemKNN(task, k=5).score(np.arange(80), items), whole)


def test_a_cold_user_is_served_by_users_of_both(make_task):
    # books 0 and 1, films 2 and 3: user 1 has book 0 and film 2, user 2 book 1 and film 3
    pairs = [(0, 0), (1, 0), (1, 2), (2, 1), (2, 3)]
    task = make_task("user-cold", ["b", "b", "f", "f"], 3, pairs, held=[(0, 2)])
    scores = ItemKNN(task, shrink=0.0).score(np.array([0]), np.array([2, 3]))
    np.testing.assert_allclose(scores, [[np.sqrt(0.5), 0]], rtol=1e-6)


def test_top_of_rows():
    matrix = csr_array(np.array([[3, 1, 2, 2], [0, 0, 0, 5], [0, 0, 0, 0]], dtype=np.float32))
    expected = [[3, 0, 2, 0], [0, 0, 0, 5], [0, 0, 0, 0]]  # of two equal ones the first stays
    assert top_of_rows(matrix, 2).toarray().tolist() == expected
