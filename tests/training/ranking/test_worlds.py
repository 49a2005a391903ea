import dataclasses

import numpy as np
import pytest
import torch

from encoders.channels.features import Features
from gnn.data import NEAR
from training.config import RankingConfig
from training.evaluation.split import HeldOut
from training.prepare import prepare
from training.ranking import worlds
from training.ranking.rehearsal import rehearse
from training.ranking.signals import Signals
from training.ranking.worlds import learn_second_stage, world_of

CPU = torch.device("cpu")
QUICK = RankingConfig(folds=2, simulated=20, steps=4)


@pytest.fixture
def job(make_job):
    return dataclasses.replace(make_job(), ranking=QUICK)


def features_of(split) -> Features:
    """Texts that differ, so that neighbours do."""
    draws = np.random.default_rng(0).normal(size=(len(split.train.items), 8))
    draws /= np.linalg.norm(draws, axis=1, keepdims=True)
    return Features(
        channels={"item": {"text": draws.astype(np.float32)}},
        fingerprint="random",
        graph=split.train.fingerprint,
    )


@pytest.fixture
def opened(job, monkeypatch):
    """Return what a split is learned from: its world, the maker of folds' worlds, the stage."""

    def run(split):
        caught = {}
        learn = worlds.learn_ranker

        def catch(split, fold_world, world, config, seed):
            caught.update(fold_world=fold_world, world=world)
            return learn(split, fold_world, world, config, seed)

        with monkeypatch.context() as patch:
            patch.setattr(worlds, "learn_ranker", catch)
            features = features_of(split)
            objective = prepare(job, split, features, CPU)
            stage = learn_second_stage(
                job, split, features, objective, objective.embed(), lambda fold: {}
            )
        return caught["world"], caught["fold_world"], stage

    return run


def all_signals(world):
    return Signals(world, 0)(np.arange(len(world.split.train.users)), world.split.valid.candidates)


def test_a_world_of_the_objective(job, random_split):
    split = random_split("item-cold")
    features = features_of(split)
    objective = prepare(job, split, features, CPU)
    embeddings = objective.embed()

    world = world_of(split, features, objective, embeddings)

    assert world.text is features.vectors["item"]
    assert np.array_equal(world.near, objective.neighbours[NEAR].rows)
    assert np.array_equal(world.similarity, objective.neighbours[NEAR].similarity)
    np.testing.assert_allclose(np.linalg.norm(world.channel, axis=1), 1, rtol=1e-5)
    channel = objective.x["item"]["text"].numpy()
    np.testing.assert_allclose(
        world.channel, channel / np.linalg.norm(channel, axis=1, keepdims=True), rtol=1e-5
    )
    assert np.array_equal(world.network.item_z, embeddings.z["item"].numpy())


def test_a_world_without_texts(make_job, random_split):
    split = random_split("user-cold")
    job = dataclasses.replace(make_job(neighbours=0), ranking=QUICK)
    features = Features(channels={}, fingerprint="none", graph=split.train.fingerprint)
    objective = prepare(job, split, features, CPU)

    world = world_of(split, features, objective, objective.embed())

    assert not world.text.any()
    assert (world.near == -1).all()
    stage = learn_second_stage(job, split, features, objective, objective.embed(), lambda _: {})
    assert np.isfinite(stage.ranker.weights).all()


@pytest.mark.parametrize("protocol", ["user-cold", "item-cold", "warm"])
def test_what_signals_took_long_to_make_is_kept(opened, random_split, protocol):
    world, _, stage = opened(random_split(protocol))

    expected = Signals(world, 0).kept

    assert {"latent.items", "item-kNN.data"} <= set(expected)
    assert ("ridge.items" in expected) == (protocol != "item-cold")
    assert ("EASE.inverse" in expected) == (protocol == "warm")
    assert set(stage.kept) == set(expected)
    for name, array in expected.items():
        assert np.array_equal(stage.kept[name], array), name


@pytest.mark.parametrize("protocol", ["user-cold", "item-cold"])
def test_what_is_held_out_decides_nothing(opened, random_split, protocol):
    split = random_split(protocol)
    wrong = HeldOut(users=np.array([10**6]), items=np.array([-7]), candidates=np.array([10**6]))
    poisoned = dataclasses.replace(split, valid=wrong, test=wrong, unranked=np.array([[-5], [-5]]))

    (world, _, one), (poison, _, other) = opened(split), opened(poisoned)

    assert np.array_equal(one.ranker.weights, other.ranker.weights)
    poison = dataclasses.replace(poison, split=split)
    found = all_signals(poison)
    for name, values in all_signals(world).items():
        assert np.array_equal(values, found[name]), name


def altered(split, fold):
    """The same users with other hidden items of the target, as many as before."""
    graph, num_items = split.train, len(split.train.items)
    edges = graph.interaction_edges
    left = fold.train.interaction_edges
    key = edges.src * num_items + edges.dst
    hidden = ~np.isin(key, left.src * num_items + left.dst)
    dst = edges.dst.copy()
    films = np.unique(left.dst[graph.item_mask("films")[left.dst]])
    for user in np.unique(edges.src[hidden]):
        mine = np.flatnonzero(hidden & (edges.src == user))
        dst[mine] = np.setdiff1d(films, edges.dst[mine])[: len(mine)]
    assert (dst != edges.dst).sum() == hidden.sum() > 0
    changed = graph.with_edges({graph.interactions: dataclasses.replace(edges, dst=dst)})
    return dataclasses.replace(split, train=changed)


def test_no_signal_of_a_fold_knows_what_is_hidden(opened, random_split):
    """Hidden interactions can be any others: every signal is the same."""
    split = random_split("user-cold")
    draws = [np.random.default_rng(0) for _ in range(2)]
    fold = next(rehearse(split, 2, 20, draws[0]))
    other_split = altered(split, fold)
    other = next(rehearse(other_split, 2, 20, draws[1]))
    assert fold.train.fingerprint == other.train.fingerprint
    assert split.train.fingerprint != other_split.train.fingerprint

    found = []
    for each, inside in ((split, fold), (other_split, other)):
        _, fold_world, _ = opened(each)
        found.append(all_signals(fold_world(inside)))

    assert list(found[0]) == list(found[1])
    for name, values in found[0].items():
        np.testing.assert_allclose(values, found[1][name], atol=1e-4, err_msg=name)


def test_hidden_items_lend_nothing(opened, random_split):
    """Neighbours are searched again: an item that plays cold is nobody's."""
    split = random_split("item-cold")
    fold = next(rehearse(split, 2, 20, np.random.default_rng(0)))
    world, fold_world, _ = opened(split)
    assert np.isin(fold.cold_items, world.near).any()

    assert not np.isin(fold.cold_items, fold_world(fold).near).any()


def test_no_folds_no_second_stage(job, random_split):
    split = random_split("user-cold")
    one = dataclasses.replace(job, ranking=RankingConfig(folds=0))
    objective = prepare(one, split, features_of(split), CPU)
    embeddings = objective.embed()
    stage = learn_second_stage(one, split, features_of(split), objective, embeddings, lambda _: {})
    assert stage is None
