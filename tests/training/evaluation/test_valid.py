import numpy as np
import pytest

from training.baselines.random import Random
from training.evaluation.evaluate import evaluate
from training.evaluation.valid import fewer_users, valid_score


class Oracle:
    """Knows the valid part, and has no ties."""

    name = "oracle"

    def __init__(self, split):
        self._right = np.zeros((len(split.train.users), len(split.train.items)), np.float32)
        self._right[split.valid.users, split.valid.items] = 1

    def score(self, users, items):
        return self._right[np.ix_(users, items)] + items / 1e4


def test_it_is_ndcg_of_the_valid_part(checkerboard_split):
    split = checkerboard_split()
    assert valid_score(Oracle(split), split) == 1
    scorer = Random(3)
    found = evaluate(scorer, split, "valid", rng=np.random.default_rng(5))
    assert valid_score(scorer, split) == pytest.approx(found.mean("NDCG@10"), abs=1e-12)
    assert valid_score(Oracle(split), split, block_bytes=1) == 1


def test_fewer_users_with_all_of_their_rows(checkerboard_split):
    split = checkerboard_split()
    users = np.unique(split.valid.users)
    assert len(users) > 1
    fewer = fewer_users(split, 1, seed=0)
    assert len(np.unique(fewer.valid.users)) == 1
    for user in np.unique(fewer.valid.users):
        assert (fewer.valid.users == user).sum() == (split.valid.users == user).sum()
    assert np.array_equal(fewer.valid.candidates, split.valid.candidates)
    assert fewer_users(split, len(users), seed=0) is split
    again = fewer_users(split, 1, seed=0)
    assert np.array_equal(again.valid.users, fewer.valid.users)


def test_fewer_users_of_the_test_part(checkerboard_split):
    split = checkerboard_split()
    fewer = fewer_users(split, 1, seed=0, part="test")
    assert len(np.unique(fewer.test.users)) == 1 < len(np.unique(split.test.users))
    assert np.array_equal(fewer.test.candidates, split.test.candidates)
    assert fewer.valid is split.valid
