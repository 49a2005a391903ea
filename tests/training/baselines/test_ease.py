import numpy as np
import pytest

from training.baselines import ease
from training.baselines.ease import EASE, most_used

PROTOCOLS = ["user-cold", "item-cold", "warm"]


def by_definition(history: np.ndarray, regularization: float) -> np.ndarray:
    """Each column of B by itself: ridge regression of an item on all the others."""
    size = history.shape[1]
    weights = np.zeros((size, size))
    for item in range(size):
        others = np.delete(np.arange(size), item)
        x = history[:, others]
        gram = x.T @ x + regularization * np.eye(size - 1)
        weights[others, item] = np.linalg.solve(gram, x.T @ history[:, item])
    return weights


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_equals_a_regression_of_each_item_on_the_others(random_task, dense, protocol):
    task = random_task(protocol)
    history = dense(task)
    items = np.intersect1d(
        np.flatnonzero(task.split.train.item_mask("films")), np.flatnonzero(history.any(axis=0))
    )[::-1]
    expected = history @ by_definition(history, 7.0)[:, items]
    scores = EASE(task, regularization=7.0).score(np.arange(80), items)
    np.testing.assert_allclose(scores, expected, rtol=1e-3, atol=1e-5)


def test_beyond_the_limit_the_most_used_take_part(random_task, dense):
    task = random_task("warm")
    history = dense(task)
    target = task.split.train.item_mask("films")
    kept = most_used(history.sum(axis=0).astype(int), target, 21)
    assert len(kept) == 21
    assert target[kept].sum() == 10
    assert (
        history.sum(axis=0)[kept[target[kept]]].min() >= np.sort(history.sum(axis=0)[target])[-10]
    )
    x = history[:, kept]
    expected = x @ np.linalg.solve(x.T @ x + 5.0 * np.eye(21), x.T @ history)
    expected[:, kept] = x @ by_definition(x, 5.0)
    items = np.flatnonzero(target)
    scores = EASE(task, regularization=5.0, max_items=21).score(np.arange(80), items)
    np.testing.assert_allclose(scores, expected[:, items], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("max_items", [21, 12_000])
def test_scores_are_sums_over_the_history(random_task, dense, max_items):
    task = random_task("warm")
    history = dense(task)
    items = np.flatnonzero(task.split.train.item_mask("films"))
    found = EASE(task, max_items=max_items)
    for user, row in enumerate(found.score(np.arange(5), items)):
        used = np.flatnonzero(history[user])
        sums = [found.divide(used, int(item))[1].sum() for item in items]
        np.testing.assert_allclose(sums, row, rtol=1e-3, atol=1e-5)


def test_places_that_one_side_does_not_need_go_to_the_other():
    target = np.arange(10) < 2
    counts = np.array([1, 9, 8, 7, 6, 5, 4, 0, 3, 2])
    assert most_used(counts, target, 6).tolist() == [0, 1, 2, 3, 4, 5]
    assert most_used(counts, ~target, 6).tolist() == [0, 1, 2, 3, 4, 5]
    assert most_used(counts, target, 100).tolist() == [0, 1, 2, 3, 4, 5, 6, 8, 9]


def test_blocks_change_nothing(random_task, monkeypatch):
    task = random_task("warm")
    items = task.split.test.candidates
    whole = EASE(task).score(np.arange(80), items)
    monkeypatch.setattr(ease, "BLOCK_ROWS", 7)
    np.testing.assert_allclose(EASE(task).score(np.arange(80), items), whole, rtol=1e-5)


def test_a_regularization_of_nothing_says_so(make_task):
    task = make_task("warm", ["b", "f", "f"], 1, [(0, 0), (0, 1), (0, 2)])
    with pytest.raises(ValueError, match="regularization"):
        EASE(task, regularization=0.0)
