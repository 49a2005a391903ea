import numpy as np
import pytest

from training.baselines.text import TextCosine


def test_mean_of_the_training_history(make_task):
    features = np.array([[1, 0], [0, 1], [0, 0], [0.6, 0.8], [-1, 0]])
    task = make_task(
        "user-cold",
        ["b", "b", "b", "f", "f"],
        3,
        [(0, 0), (0, 1), (0, 2), (1, 2), (2, 3)],
        features=features,
        held=[(0, 4)],
    )
    scores = TextCosine(task).score(np.array([0, 1, 2]), np.array([3, 4]))
    diagonal = np.sqrt(0.5)
    expected = [[1.4 * diagonal, -diagonal], [0, 0], [1, -0.6]]  # user 1 read nothing with a text
    np.testing.assert_allclose(scores, expected, atol=1e-6)


@pytest.mark.parametrize("protocol", ["user-cold", "item-cold", "warm"])
def test_equals_the_definition(random_task, dense, protocol):
    task = random_task(protocol)
    history = dense(task)
    means = np.array(
        [task.item_features[row > 0].mean(axis=0) if row.any() else np.zeros(8) for row in history]
    )
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    expected = means / np.where(lengths > 0, lengths, 1) @ task.item_features.T
    users, items = np.arange(80), task.split.test.candidates
    scores = TextCosine(task).score(users, items)
    np.testing.assert_allclose(scores, expected[:, items], atol=1e-5)
