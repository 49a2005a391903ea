import dataclasses

import numpy as np
import pytest

from training.config import RankingConfig
from training.evaluation.split import HeldOut
from training.ranking.learning import learn_ranker
from training.ranking.signals import PRIOR

PROTOCOLS = ["user-cold", "item-cold", "warm"]
QUICK = RankingConfig(folds=2, simulated=40, steps=5)


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
