import dataclasses

import numpy as np
import pytest

from kg.errors import InputError
from training.config import TaskConfig
from training.evaluation.evaluate import evaluate
from training.evaluation.score_sample import sample_scores
from training.evaluation.split import make_split


class Table:
    name = "table"

    def __init__(self, split):
        rng = np.random.default_rng(4)
        self.table = rng.normal(size=(len(split.train.users), len(split.train.items)))
        self.table[split.test.users, split.test.items] += 1

    def score(self, users, items):
        return self.table[np.ix_(users, items)].astype(np.float32)


@pytest.fixture
def split(make_graph):
    rng = np.random.default_rng(1)
    items = {f"f{n:03d}": "films" for n in range(300)} | {"b": "books"}
    pairs = [
        (f"u{user:02d}", f"f{n:03d}")
        for user in range(80)
        for n in rng.choice(300, size=30, replace=False)
    ]
    graph = make_graph([*pairs, ("u00", "b")], items)
    return make_split(graph, TaskConfig(target="films"), "warm", seed=0)


def sample(split, **settings):
    settings = {"best": 10, "others": 20, "rng": np.random.default_rng(0), **settings}
    return sample_scores(Table(split), split, "test", **settings)


def test_weights_stand_for_all_pairs(split):
    found = sample(split)
    users = np.unique(split.test.users)
    edges = split.train.interaction_edges
    films = np.isin(edges.dst, split.test.candidates)
    pairs = len(users) * len(split.test.candidates) - np.isin(edges.src[films], users).sum()
    assert found.weights.sum() == pytest.approx(pairs)
    assert found.weights[found.positive].sum() == found.positive.sum() == len(split.test)
    assert len(found.scores) < pairs / 4
    assert (np.diff(found.owner) >= 0).all()


def test_held_out_pairs_and_the_best_are_all_there(split):
    found, scorer = sample(split), Table(split)
    judged = evaluate(scorer, split, "test", rng=np.random.default_rng(0))
    assert np.sort(found.ranks[found.positive]).tolist() == np.sort(judged.ranks).tolist()
    for owner in (0, 17):
        ranks = found.ranks[found.owner == owner]
        assert set(range(1, 11)) <= set(ranks)
    for row in (0, 500, len(found.scores) - 1):
        user = np.unique(split.test.users)[found.owner[row]]
        scores = scorer.score(np.array([user]), split.test.candidates)[0].astype(np.float64)
        assert found.scores[row] in scores


def test_means_are_those_of_all_pairs(split):
    everything = sample(split, best=300)
    assert (everything.weights == 1).all()
    estimates = [
        np.average(found.scores < 0.3, weights=found.weights)
        for found in (sample(split, rng=np.random.default_rng(seed)) for seed in range(20))
    ]
    assert np.mean(estimates) == pytest.approx((everything.scores < 0.3).mean(), abs=0.01)


def test_few_of_many_users(split):
    found = sample(split, max_users=7)
    assert found.num_users == 7
    assert set(found.owner) == set(range(7))


def test_blocks_change_only_the_draws(split):
    one, other = sample(split, best=300), sample(split, best=300, block_bytes=1)
    for name in ("scores", "owner", "positive", "weights", "ranks"):
        assert np.array_equal(getattr(one, name), getattr(other, name))


def test_an_empty_part_is_refused(split):
    nobody = np.zeros(0, dtype=np.int64)
    empty = dataclasses.replace(split.test, users=nobody, items=nobody)
    with pytest.raises(InputError, match="part of the warm split is empty"):
        sample(dataclasses.replace(split, test=empty))
