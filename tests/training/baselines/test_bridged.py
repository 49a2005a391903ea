import numpy as np
import pytest

from training.baselines import matrices
from training.baselines.bridge import TextBridge
from training.baselines.bridged import Bridged
from training.baselines.user_knn import UserKNN


@pytest.mark.parametrize("k", [1, 30])
def test_of_user_knn_it_is_the_text_bridge(random_task, k):
    task = random_task("item-cold")
    items = np.flatnonzero(task.split.train.item_mask("films"))[::-1]  # warm ones too
    expected = TextBridge(task, k=k).score(np.arange(80), items)
    assert expected.any()
    scores = Bridged(UserKNN(task), task, k=k).score(np.arange(80), items)
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-6)


def test_blocks_change_nothing(random_task, monkeypatch):
    task = random_task("item-cold")
    bridged, items = Bridged(UserKNN(task), task), task.split.test.candidates
    whole = bridged.score(np.arange(80), items)
    monkeypatch.setattr(matrices, "BLOCK_BYTES", 1)
    np.testing.assert_allclose(bridged.score(np.arange(80), items), whole, rtol=1e-5)


class Negative:
    name = "negative"

    def score(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        return np.tile(-1.0 - items.astype(np.float32), (len(users), 1))


def test_an_item_without_text_is_never_ahead(make_task):
    features = np.array([[1, 0], [0, 1], [0, 1], [0, 0]])
    task = make_task(
        "item-cold", ["f", "f", "f", "f"], 2, [(0, 0), (1, 1)], features=features, held=[(0, 2)]
    )
    scores = Bridged(Negative(), task).score(np.array([0]), np.array([2, 3]))
    assert scores.tolist() == [[-2, -2]]
