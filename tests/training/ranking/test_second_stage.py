import dataclasses

import numpy as np
import pytest

from gnn.ranker import Ranker
from training.ranking import latent, second_stage
from training.ranking.second_stage import TwoStageScorer
from training.ranking.signals import Signals

PROTOCOLS = ["user-cold", "item-cold", "warm"]


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
