import numpy as np

from training.baselines.popularity import Popularity


def test_counts_training_interactions(make_task):
    task = make_task(
        "user-cold",
        ["b", "f", "f", "f"],
        3,
        [(0, 0), (0, 1), (1, 1), (2, 1), (1, 2)],
        held=[(2, 3)],
    )
    scores = Popularity(task).score(np.array([2, 0]), np.array([3, 1, 2]))
    assert scores.dtype == np.float32
    assert scores.tolist() == [[0, 3, 1], [0, 3, 1]]
    logs = Popularity(task, log=True).score(np.array([0]), np.array([3, 1, 2]))
    np.testing.assert_allclose(logs, [[0, np.log(4), np.log(2)]], rtol=1e-6)


def test_cold_items_tie_at_zero(make_task):
    task = make_task("item-cold", ["b", "f", "f", "f"], 2, [(0, 0), (1, 1)], held=[(0, 2), (1, 3)])
    scores = Popularity(task).score(np.arange(2), task.split.test.candidates)
    assert scores.tolist() == [[0, 0], [0, 0]]
