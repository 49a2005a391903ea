import numpy as np
import pytest
from scipy import sparse

from kg.errors import InputError
from queries import second_stage
from queries.second_stage import TargetRanking

IN_TARGET = np.arange(20) % 3 != 0
USERS = np.array([4, 0, 7, 4, 2])


class Table:
    """Scores from a table, disturbed as sums of other shapes are."""

    name = "table"

    def __init__(self):
        self.values = np.random.default_rng(0).integers(-9, 9, size=(9, 20)).astype(np.float32)
        self.asked = []

    def score(self, users, items):
        self.asked.append((len(users), items))
        return self.values[np.ix_(users, items)] + np.float32(1e-6 * len(users))


@pytest.fixture
def ranking():
    return TargetRanking(Table(), IN_TARGET)


def brute_force(ranking, users, allowed, k, seen):
    values = ranking.scorer.values
    rows = np.full((len(users), k), -1)
    for place, user in enumerate(users):
        left = [
            i for i in np.flatnonzero(allowed & IN_TARGET) if seen is None or not seen[place, i]
        ]
        best = sorted(left, key=lambda item: (-values[user, item], item))[:k]
        rows[place, : len(best)] = best
    return rows


@pytest.mark.parametrize("block", [1, 2**26])
@pytest.mark.parametrize("k", [1, 4, 40])
def test_top_equals_brute_force(ranking, monkeypatch, block, k):
    monkeypatch.setattr(second_stage, "BLOCK_BYTES", block)
    draws = np.random.default_rng(1)
    allowed = draws.random(20) < 0.8
    known = draws.random((len(USERS), 20)) < 0.3
    for seen in (None, known):
        matrix = None if seen is None else sparse.csr_array(seen.astype(np.float32))
        rows, scores = ranking.top(USERS, allowed, k=k, seen=matrix)

        assert np.array_equal(rows, brute_force(ranking, USERS, allowed, k, seen))
        assert (rows.dtype, rows.shape) == (np.int64, (len(USERS), k))
        for place, user in enumerate(USERS):
            found = rows[place][rows[place] >= 0]
            expected = ranking.scorer.values[user, found]
            assert np.array_equal(scores[place, : len(found)], expected)
            assert (scores[place, len(found) :] == -np.inf).all()


def test_pairs_equal_what_top_gives(ranking):
    rows, scores = ranking.top(USERS, np.ones(20, dtype=bool), k=5)
    users = np.repeat(USERS, 5)
    order = np.random.default_rng(0).permutation(len(users))

    found = ranking.pairs(users[order], rows.ravel()[order])

    assert np.array_equal(found, scores.ravel()[order])


def test_an_answer_does_not_depend_on_who_else_is_asked(ranking, monkeypatch):
    everything = np.ones(20, dtype=bool)
    rows, scores = ranking.top(USERS, everything, k=4)
    for place, user in enumerate(USERS):
        alone = ranking.top(np.array([user]), everything, k=4)
        assert np.array_equal(alone[0][0], rows[place])
        assert np.array_equal(alone[1][0], scores[place])
    pairs = ranking.pairs(np.repeat(USERS, 4), rows.ravel())
    monkeypatch.setattr(second_stage, "BLOCK_BYTES", 1)
    assert np.array_equal(ranking.pairs(np.repeat(USERS, 4), rows.ravel()), pairs)


def test_all_items_of_the_domain_are_scored_whatever_is_asked(ranking):
    ranking.top(USERS, np.arange(20) == 4, k=1)
    ranking.pairs(USERS[:2], np.array([1, 2]))
    pool = np.flatnonzero(IN_TARGET)
    assert len(ranking.scorer.asked) == 2
    assert all(np.array_equal(items, pool) for _, items in ranking.scorer.asked)


def test_nobody_is_asked(ranking):
    nobody = np.zeros(0, dtype=np.int64)
    rows, scores = ranking.top(nobody, np.ones(20, dtype=bool), k=3)
    assert rows.shape == scores.shape == (0, 3)
    assert len(ranking.pairs(nobody, nobody)) == 0


@pytest.mark.parametrize("k", [0, -2])
def test_k_must_be_positive(ranking, k):
    with pytest.raises(InputError, match=f"k = {k}: expected at least 1"):
        ranking.top(USERS, IN_TARGET, k=k)
