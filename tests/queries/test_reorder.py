import numpy as np
import pytest

from queries import reorder as module
from queries.candidates import unit_rows
from queries.reorder import keep, reorder


@pytest.fixture
def pool():
    """Three users' pools of 30 of 50 items; the last user has four left."""
    rng = np.random.default_rng(0)
    rows = np.stack([rng.permutation(50)[:30] for _ in range(3)])
    scores = -np.sort(-rng.normal(size=(3, 30)), axis=1).astype(np.float32)
    rows[2, 4:], scores[2, 4:] = -1, -np.inf
    return rows, scores


@pytest.fixture
def items():
    rng = np.random.default_rng(1)
    vectors = unit_rows(rng.normal(size=(50, 8)).astype(np.float32))
    return {"vectors": vectors, "log_popularity": rng.uniform(0, 5, 50).astype(np.float32)}


def by_hand(rows, scores, k, d, weight, vectors, log_popularity):
    """Maximal marginal relevance as it is written down, one item at a time."""
    left = [
        (row, score - weight * log_popularity[row])
        for row, score in zip(rows, scores, strict=True)
        if row >= 0
    ]
    worths = [worth for _, worth in left]
    low, span = min(worths), max(worths) - min(worths)
    taken = []
    while left and len(taken) < k:

        def gain(pair):
            near = max((float(vectors[pair[0]] @ vectors[row]) for row in taken), default=0.0)
            return (1 - d) * (pair[1] - low) / span - d * near

        best = max(left, key=gain)
        left.remove(best)
        taken.append(best[0])
    return taken


@pytest.mark.parametrize("diversity", [0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_diversity_is_maximal_marginal_relevance(pool, items, diversity, weight):
    rows, scores = pool
    found, kept = reorder(
        rows, scores, k=10, diversity=diversity, popularity_weight=weight, **items
    )
    assert found.shape == kept.shape == (3, 10)
    for user in range(3):
        expected = by_hand(rows[user], scores[user], 10, diversity, weight, **items)
        assert [row for row in found[user] if row >= 0] == expected
        for row, score in zip(found[user], kept[user], strict=True):
            assert row < 0 or score == scores[user][rows[user] == row]
    assert (found[2, 4:] == -1).all()
    assert np.isneginf(kept[2, 4:]).all()


def test_blocks_change_nothing(pool, items, monkeypatch):
    rows, scores = pool
    whole = reorder(rows, scores, k=10, diversity=0.4, **items)
    monkeypatch.setattr(module, "BLOCK_BYTES", 1)
    np.testing.assert_array_equal(reorder(rows, scores, k=10, diversity=0.4, **items)[0], whole[0])


def test_popularity_costs_score(pool, items):
    rows, scores = pool
    found, kept = reorder(rows, scores, k=30, popularity_weight=2.0, **items)
    worth = scores - 2 * items["log_popularity"][rows]
    np.testing.assert_array_equal(found[0], rows[0][np.argsort(-worth[0])])
    assert sorted(kept[0]) == sorted(scores[0])
    assert sorted(found[2][:4]) == sorted(rows[2][:4])
    assert (found[2][4:] == -1).all()


def test_nothing_asked_changes_nothing(pool, items):
    rows, scores = pool
    found, kept = reorder(rows, scores, k=7, **items)
    np.testing.assert_array_equal(found, rows[:, :7])
    np.testing.assert_array_equal(kept, scores[:, :7])


def test_equal_scores_keep_their_order(items):
    rows, scores = np.arange(5)[None], np.ones((1, 5), np.float32)
    assert reorder(rows, scores, k=5, diversity=0.0, **items)[0].tolist() == [[0, 1, 2, 3, 4]]
    items["vectors"] = np.zeros((50, 8), np.float32)
    assert reorder(rows, scores, k=5, diversity=0.5, **items)[0].tolist() == [[0, 1, 2, 3, 4]]


def test_no_users(items):
    rows, scores = np.zeros((0, 5), np.int64), np.zeros((0, 5), np.float32)
    assert reorder(rows, scores, k=3, diversity=0.5, **items)[0].shape == (0, 3)


def test_what_is_kept_closes_the_gaps():
    rows = np.array([[3, 1, 2], [5, 4, -1]])
    scores = np.array([[3, 2, 1], [2, 1, -np.inf]], np.float32)
    kept = np.array([[False, True, True], [False, True, False]])
    rows, scores = keep(rows, scores, kept)
    assert rows.tolist() == [[1, 2, -1], [4, -1, -1]]
    assert scores.tolist() == [[2, 1, -np.inf], [1, -np.inf, -np.inf]]
