import dataclasses

import numpy as np
import pytest

from gnn.ranker import Ranker
from training.config import RankingConfig
from training.evaluation.split import HeldOut
from training.ranking import latent, second_stage
from training.ranking.second_stage import TwoStageScorer, learn_ranker
from training.ranking.signals import PRIOR, Signals

PROTOCOLS = ["user-cold", "item-cold", "warm"]
QUICK = RankingConfig(folds=2, simulated=40, steps=5)


@pytest.fixture
def two_stages(random_split, make_world):
    def make(protocol="user-cold", weights=None):
        world = make_world(random_split(protocol))
        names = Signals(world, 0).names()
        if weights is None:
            draws = np.random.default_rng(0)
            values = draws.normal(size=2 * len(names)).astype(np.float32)
        else:
            values = np.array([weights.get(name, 0) for name in names] * 2, dtype=np.float32)
        return TwoStageScorer("isthmus", world, Ranker(names, values), 0)

    return make


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_blocks_change_nothing(two_stages, monkeypatch, protocol):
    monkeypatch.setattr(latent, "RANK", 8)  # few of all dimensions, as on data of real size
    scorer = two_stages(protocol)
    users = np.arange(40)
    items = np.flatnonzero(scorer.world.split.train.item_mask("films"))
    whole = scorer.score(users, items)
    assert whole.std(axis=1).all()
    few = 4 * len(items) * len(scorer.ranker.names) * 3

    for size in (1, few):  # one user, three users
        monkeypatch.setattr(second_stage, "SCORED_BYTES", size)
        np.testing.assert_allclose(scorer.score(users, items), whole, atol=1e-4)
    alone = scorer.score(users[7:8], items)
    np.testing.assert_allclose(alone, whole[7:8], atol=1e-4)


def test_the_score_is_the_weighted_sum(two_stages):
    scorer = two_stages()
    users, items = np.arange(5), np.flatnonzero(scorer.world.warm)
    found = scorer.signals(users, items)
    plain, squashed = np.split(scorer.ranker.weights, 2)
    expected = sum(
        a * found[name] + b * np.sign(found[name]) * np.log1p(3 * np.abs(found[name]))
        for name, a, b in zip(scorer.ranker.names, plain, squashed, strict=True)
    )
    np.testing.assert_allclose(scorer.score(users, items), expected, atol=1e-4)


def test_a_signal_that_is_the_same_for_all_says_nothing(two_stages):
    scorer = two_stages("item-cold", {"nearest neighbour": 5.0, "text": 1.0})
    world = scorer.world
    items = np.flatnonzero(world.split.train.item_mask("films"))
    without = two_stages("item-cold", {"text": 1.0}).score(np.arange(4), items)
    assert not np.allclose(scorer.score(np.arange(4), items), without)

    alike = np.where(world.near >= 0, np.float32(0.3), 0)
    alike[:, 0] = 0.3
    constant = dataclasses.replace(world, similarity=alike)
    scorer = dataclasses.replace(scorer, world=constant)
    without = dataclasses.replace(two_stages("item-cold", {"text": 1.0}), world=constant)
    np.testing.assert_allclose(
        scorer.score(np.arange(4), items), without.score(np.arange(4), items), atol=1e-5
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_held_out_decides_nothing(random_split, make_world, protocol):
    split = random_split(protocol)
    wrong = HeldOut(users=np.array([10**6]), items=np.array([-7]), candidates=np.array([10**6]))
    poisoned = dataclasses.replace(split, valid=wrong, test=wrong, unranked=np.array([[-5], [-5]]))

    one, other = (learn_ranker(s, make_world, make_world(s), QUICK, 0) for s in (split, poisoned))

    assert one.names == other.names
    assert np.array_equal(one.weights, other.weights)
    again = learn_ranker(split, make_world, make_world(split), QUICK, 1)
    assert not np.array_equal(one.weights, again.weights)


def test_worlds_of_folds_lack_what_is_hidden(random_split, make_world):
    split = random_split("user-cold")
    made = []

    def world_of(fold):
        made.append(fold)
        return make_world(fold)

    learned = learn_ranker(split, world_of, make_world(split), QUICK, 0)

    assert len(made) == 2
    assert all(
        len(fold.train.interaction_edges) < len(split.train.interaction_edges) for fold in made
    )
    assert learned.weights.any()


def test_the_prior_where_nobody_is_shared(random_split, make_world):
    split = random_split("user-cold")
    edges = split.train.interaction_edges
    film = split.train.item_mask("films")[edges.dst]
    alone = (edges.src % 2 == 0) == film
    train = split.train.with_edges({split.train.interactions: edges.take(alone)})
    split = dataclasses.replace(split, train=train)

    def world_of(fold):
        raise AssertionError("nobody can play")

    learned = learn_ranker(split, world_of, make_world(split), QUICK, 0)

    plain, squashed = np.split(learned.weights, 2)
    assert not squashed.any()
    found = {name: weight for name, weight in zip(learned.names, plain, strict=True) if weight}
    assert found == pytest.approx(PRIOR["no overlap"])


def test_the_prior_where_nobody_can_play(random_split, make_world):
    config = dataclasses.replace(QUICK, folds=0)
    split = random_split("warm")
    learned = learn_ranker(split, make_world, make_world(split), config, 0)
    plain, _ = np.split(learned.weights, 2)
    found = {name: weight for name, weight in zip(learned.names, plain, strict=True) if weight}
    assert found == pytest.approx(PRIOR["warm"])
