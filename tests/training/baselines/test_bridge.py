import numpy as np
import pytest

from training.baselines.bridge import TextBridge
from training.baselines.user_knn import UserKNN


def by_definition(task, k: int, users: np.ndarray, items: np.ndarray) -> np.ndarray:
    graph = task.split.train
    seen = np.zeros(len(graph.items), dtype=bool)
    seen[graph.interaction_edges.dst] = True
    warm = np.flatnonzero(seen & graph.item_mask("films"))
    knn = UserKNN(task).score(users, warm).astype(float)
    scores = np.zeros((len(users), len(items)))
    for column, item in enumerate(items):
        cosine = task.item_features[warm].astype(float) @ task.item_features[item]
        best = np.argsort(-cosine)[:k]
        weights = np.maximum(cosine[best], 0) ** 4
        if weights.sum() > 0:
            scores[:, column] = knn[:, best] @ weights / weights.sum()
    return scores


@pytest.mark.parametrize("k", [1, 4, 30])
def test_equals_the_definition(random_task, k):
    task = random_task("item-cold")
    users, items = np.arange(80), task.split.test.candidates
    expected = by_definition(task, k, users, items)
    assert expected.any()
    scores = TextBridge(task, k=k).score(users, items)
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-6)


def test_by_hand(make_task):
    # the cold film 3 lies at cosines 0.8 and 0.6 from films 1 and 2, film 4 has no text
    features = np.array([[0, 0], [1, 0], [0, 1], [0.8, 0.6], [0, 0]])
    task = make_task(
        "item-cold",
        ["b", "f", "f", "f", "f"],
        5,
        [(0, 0), (1, 0), (1, 1), (2, 2)],
        features=features,
        held=[(0, 3)],
    )
    book, film = np.log(5 / 3), np.log(5 / 2)  # user 1 has both, user 0 the book alone
    cosine = book / np.hypot(book, film)
    weight = 0.8**4 / (0.8**4 + 0.6**4)
    scores = TextBridge(task).score(np.array([0]), np.array([3, 4, 1]))
    np.testing.assert_allclose(scores, [[cosine * weight, 0, cosine]], rtol=1e-5)


def test_without_text_or_warm_items_every_score_is_zero(make_task):
    pairs = [(0, 0), (1, 0), (1, 1)]
    silent = make_task("item-cold", ["b", "f", "f"], 2, pairs, held=[(0, 2)])
    assert TextBridge(silent).score(np.arange(2), np.array([2])).tolist() == [[0], [0]]
    no_warm = make_task(
        "item-cold", ["b", "f"], 2, [(0, 0), (1, 0)], features=np.eye(2), held=[(0, 1)]
    )
    assert TextBridge(no_warm).score(np.arange(2), np.array([1])).tolist() == [[0], [0]]
