import dataclasses

import numpy as np
import pytest

from encoders.channels.features import load_features
from encoders.models.hashing import HashingEncoder
from encoders.settings import EncoderConfig
from encoders.texts.templates import TextConfig
from training.encoding import encode_histories, encode_nodes, open_encoder
from training.run_folder import RunFolder


@pytest.fixture
def job(make_job, tmp_path):
    def factory(model="lsa", **texts):
        encoder = EncoderConfig(model=model, dim=8, cache=tmp_path / "cache")
        return dataclasses.replace(make_job(), encoder=encoder, texts=TextConfig(**texts))

    return factory


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path / "run")


def test_an_encoder_that_was_fitted_is_kept_for_later_texts(job, run, split):
    encode_nodes(job(), split.train, run)
    features = load_features(run.features, split.train)
    texts = split.train.items.text.to_pylist()

    again = open_encoder(job(), run)

    assert again.fingerprint == features.fingerprint
    np.testing.assert_array_equal(again.encode(texts), features.vectors["item"])


def test_an_encoder_that_needs_no_fitting_leaves_nothing(job, run, split):
    encode_nodes(job("hashing"), split.train, run)

    assert not run.encoder.exists()
    assert open_encoder(job("hashing"), run).encode(["a"]).shape == (1, 8)


def test_templates_decide_what_is_encoded(job, run, split):
    encode_nodes(job("hashing", templates={"item": "{text} of old"}), split.train, run)
    vectors = load_features(run.features, split.train).vectors["item"]
    text = split.train.items.text.to_pylist()[0]

    np.testing.assert_array_equal(vectors[0], HashingEncoder(dim=8).encode([f"{text} of old"])[0])


def test_histories_are_made_only_where_they_are_wanted(job, run, split):
    encode_nodes(job("hashing"), split.train, run)

    assert encode_histories(job("hashing"), split, run) == {}


def test_a_cold_user_has_no_history_in_the_target(job, run, split):
    wanted = job("hashing", histories=True)
    encode_nodes(wanted, split.train, run)

    channels = encode_histories(wanted, split, run)["user"]

    assert sorted(channels) == ["history:books", "history:films"]
    cold = np.unique(np.concatenate([split.valid.users, split.test.users]))
    assert not channels["history:films"][cold].any()
    assert channels["history:books"][cold].any(axis=1).all()
    warm = split.train.user_mask("films")
    assert channels["history:films"][warm].any(axis=1).all()
