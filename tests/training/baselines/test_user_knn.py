import numpy as np
import pytest

from training.baselines import matrices, user_knn
from training.baselines.user_knn import UserKNN


def by_definition(history: np.ndarray, profile: np.ndarray, target: np.ndarray) -> np.ndarray:
    """User-kNN with loops: all users' scores of all items, from dense 0/1 rows."""
    num_users, num_items = history.shape
    idf = np.log(num_users / (1 + history.sum(axis=0)))
    rows = np.where(profile, history * idf, 0)
    scores = np.zeros((num_users, num_items))
    for u in range(num_users):
        for v in range(num_users):
            length = np.linalg.norm(rows[u]) * np.linalg.norm(rows[v])
            if length > 0 and history[v, target].any():
                scores[u] += rows[u] @ rows[v] / length * np.where(target, history[v], 0)
    return scores


def test_by_hand(make_task):
    # user 0 is cold and shares book 0 with user 1, who also read book 1, and books 0 and 1 both
    # with user 2, who saw no film any more; user 3 saw a film and read nothing in common
    task = make_task(
        "user-cold",
        ["b", "b", "b", "f", "f"],
        6,
        [(0, 0), (1, 0), (1, 1), (1, 3), (2, 0), (3, 2), (3, 4), (4, 3)],
        held=[(0, 4)],
    )
    first, second = np.log(6 / 4), np.log(6 / 2)  # read by 3 and by 1 of 6 users
    cosine = first / np.hypot(first, second)
    scores = UserKNN(task).score(np.array([0]), np.array([3, 4]))
    np.testing.assert_allclose(scores, [[cosine, 0]], rtol=1e-5)


@pytest.mark.parametrize("protocol", ["user-cold", "item-cold", "warm"])
@pytest.mark.parametrize("max_pairs", [0, 10**9])
def test_equals_the_definition(random_task, dense, protocol, max_pairs, monkeypatch):
    monkeypatch.setattr(user_knn, "MAX_PAIRS", max_pairs)  # both orders of the products
    task = random_task(protocol)
    graph = task.split.train
    target = graph.item_mask("films")
    profile = graph.item_mask("books") if protocol == "user-cold" else np.ones_like(target)
    expected = by_definition(dense(task), profile, target)
    users, items = np.arange(80)[::3], np.flatnonzero(target)[::-1]
    scores = UserKNN(task).score(users, items)
    assert scores.any()
    np.testing.assert_allclose(scores, expected[np.ix_(users, items)], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("max_pairs", [0, 10**9])
def test_blocks_inside_change_nothing(random_task, max_pairs, monkeypatch):
    monkeypatch.setattr(user_knn, "MAX_PAIRS", max_pairs)
    task = random_task("user-cold")
    items = task.split.test.candidates
    whole = UserKNN(task).score(np.arange(80), items)
    monkeypatch.setattr(matrices, "BLOCK_BYTES", 1)  # one user at a time
    assert np.array_equal(UserKNN(task).score(np.arange(80), items), whole)


def test_target_rows_of_a_cold_user_do_not_exist_for_it(make_task):
    """What is held out can be anything: scores do not move."""
    pairs = [(0, 0), (1, 0), (1, 2), (2, 0), (2, 1), (2, 3), (3, 1)]
    a, b = (
        make_task("user-cold", ["b", "b", "f", "f", "f"], 6, pairs, held=held)
        for held in ([(0, 2)], [(0, 3), (0, 4)])
    )
    items = np.array([2, 3, 4])
    scores = [UserKNN(task).score(np.array([0]), items) for task in (a, b)]
    assert scores[0].any()
    assert np.array_equal(*scores)


def test_target_items_are_no_part_of_a_profile_of_cold_users(make_task):
    # an item of both domains belongs to the target: a cold user has lost it
    pairs = [(0, 0), (1, 0), (1, 1), (1, 2), (2, 2), (3, 3)]
    task = make_task("user-cold", ["b", "bf", "f", "b"], 6, pairs, held=[(0, 1)])
    scores = UserKNN(task).score(np.array([0, 2]), np.array([1, 2]))
    np.testing.assert_allclose(scores, [[1, 1], [0, 0]], rtol=1e-6)


def test_several_sources_are_merged(make_task):
    pairs = [(0, 0), (0, 1), (1, 0), (1, 2), (2, 1), (2, 3)]
    task = make_task(
        "user-cold", ["b", "g", "f", "f"], 8, pairs, held=[(0, 3)], sources=("books", "games")
    )
    scores = UserKNN(task).score(np.array([0]), np.array([2, 3]))
    np.testing.assert_allclose(scores, [[np.sqrt(0.5), np.sqrt(0.5)]], rtol=1e-6)


@pytest.mark.parametrize("protocol", ["user-cold", "item-cold", "warm"])
def test_the_nearest_users_and_the_power_of_frequency(random_task, dense, protocol):
    task = random_task(protocol)
    history = dense(task)
    target = task.split.train.item_mask("films")
    own = np.where(target & (protocol == "user-cold"), 0, history)
    rows = own * np.sqrt(np.log(80 / (1 + own.sum(axis=0))))
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    similar = rows @ rows.T
    lenders = (history * target).any(axis=1)
    similar[:, ~lenders] = 0
    ordered = np.sort(similar, axis=1)
    clear = np.flatnonzero(ordered[:, -6] - ordered[:, -7] > 1e-6)  # not two in the sixth place
    assert len(clear) > 60
    for row in similar:
        row[np.argsort(-row)[6:]] = 0
    items = np.flatnonzero(target)
    scores = UserKNN(task, k=6, idf=0.5).score(clear, items)
    expected = (similar @ history[:, items])[clear]
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-6)
