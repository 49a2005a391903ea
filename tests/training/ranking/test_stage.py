import dataclasses

import numpy as np
import pytest

from gnn.ranker import Ranker
from training.bundle import Bundle, EmbeddingScorer, load_bundle, save_bundle
from training.ranking import latent
from training.ranking.signals import Signals
from training.ranking.stage import KEPT, SecondStage


@pytest.fixture
def stage(random_split, make_world):
    world = make_world(random_split("item-cold"))
    signals = Signals(world, 3)
    names = signals.names()
    weights = np.random.default_rng(0).normal(size=2 * len(names)).astype(np.float32)
    return SecondStage(
        ranker=Ranker(names, weights),
        seed=3,
        text=np.asfortranarray(world.text),
        channel=world.channel,
        near=world.near,
        similarity=world.similarity,
        kept=signals.kept,
    )


@pytest.fixture
def bundle(random_split, make_world, stage):
    network = make_world(random_split("item-cold")).network
    return Bundle(
        z={"user": network.user_z, "item": network.item_z},
        item_bias=network.item_bias,
        weights={},
        about={},
        second_stage=stage,
    )


def test_round_trip(stage, tmp_path):
    stage.save(tmp_path)

    again = SecondStage.load(tmp_path)

    assert again.seed == 3
    assert again.ranker.names == stage.ranker.names
    assert np.array_equal(again.ranker.weights, stage.ranker.weights)
    for name in ("text", "channel", "near", "similarity"):
        one, other = getattr(stage, name), getattr(again, name)
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)
    assert set(again.kept) == set(stage.kept)
    for name, array in stage.kept.items():
        assert again.kept[name].dtype == array.dtype
        assert np.array_equal(again.kept[name], array)


def test_signals_are_made_again_where_a_model_has_none(bundle, random_split, tmp_path):
    split = random_split("item-cold")
    users, items = np.arange(40), np.flatnonzero(split.train.item_mask("films"))
    stage = dataclasses.replace(bundle.second_stage, kept={})
    stage.save(tmp_path)
    (tmp_path / KEPT).unlink()

    old = dataclasses.replace(bundle, second_stage=SecondStage.load(tmp_path))

    assert not old.second_stage.kept
    expected = bundle.ranking_scorer(split).score(users, items)
    np.testing.assert_allclose(old.ranking_scorer(split).score(users, items), expected, atol=1e-5)


def test_a_model_without_has_none(tmp_path):
    assert SecondStage.load(tmp_path) is None


def test_a_saved_model_scores_as_before(bundle, random_split, tmp_path, monkeypatch):
    split = random_split("item-cold")
    users, items = np.arange(40), np.flatnonzero(split.train.item_mask("films"))
    scorer = bundle.ranking_scorer(split, "mine")
    before = scorer.score(users, items)

    save_bundle(bundle, tmp_path / "model", split.train)
    monkeypatch.delattr(latent, "decompose")  # nothing is made again
    loaded = load_bundle(tmp_path / "model", split.train).ranking_scorer(split, "mine")

    assert loaded.name == scorer.name == "mine"
    assert np.array_equal(loaded.score(users, items), before)


def test_a_model_of_one_stage_scores_by_its_embeddings(bundle, random_split, tmp_path):
    split = random_split("item-cold")
    one = Bundle(z=bundle.z, item_bias=bundle.item_bias, weights={}, about={})
    save_bundle(one, tmp_path / "model", split.train)

    loaded = load_bundle(tmp_path / "model", split.train)

    assert loaded.second_stage is None
    scorer = loaded.ranking_scorer(split)
    assert isinstance(scorer, EmbeddingScorer)
    users, items = np.arange(4), np.arange(6)
    assert np.array_equal(scorer.score(users, items), bundle.z["user"][:4] @ bundle.z["item"][:6].T)
