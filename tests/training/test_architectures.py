"""A small job with each architecture."""

import typing

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save

from gnn.convolutions.base import CONVOLUTIONS
from training.config import ModelConfig
from training.fit import fit, to_bundle
from training.prepare import prepare

CPU = torch.device("cpu")


@pytest.fixture
def prepared(make_job, split, features):
    def make(name, seed=0, **training):
        job = make_job(seed=seed, model={"convolution": name}, **training)
        return job, prepare(job, split, features, CPU)

    return make


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_it_trains_and_beats_random(prepared, split, tmp_path, name):
    """Users 0 and 1 are cold in films; a random order puts half of their films in the top five."""
    job, objective = prepared(name, epochs=2)
    assert type(objective.model.convs[0]).__name__ == CONVOLUTIONS[name]
    fitted = fit(
        job,
        split,
        objective,
        checkpoints=tmp_path / "checkpoints",
        metrics=tmp_path / "metrics.jsonl",
        fingerprint=name,
    )

    films = np.flatnonzero(split.train.item_mask("films"))
    even = np.array([int(i[-2:]) % 2 == 0 for i in split.train.items.vocab.to_ids(films)])
    users = split.train.users.vocab.index(["user-00", "user-01"])
    scores = to_bundle(fitted.final, objective.model).scorer(split.train).score(users, films)
    best = even[np.argsort(-scores, axis=1)[:, :5]]
    assert best[0].mean() >= 0.8
    assert best[1].mean() <= 0.2


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_weights_on_disk_are_all_there_is(prepared, name):
    """The bundle keeps the state of the network: another network with it embeds the same."""
    _, one = prepared(name)
    _, other = prepared(name, seed=1)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.01)
    weights = load(save(dict(to_bundle(other.embed(), other.model).weights)))

    one.model.load_state_dict({key: torch.from_numpy(value) for key, value in weights.items()})

    ours, theirs = one.embed(), other.embed()
    for kind in ours.z:
        torch.testing.assert_close(ours.z[kind], theirs.z[kind])


def test_the_job_may_name_all_of_them():
    hints = typing.get_type_hints(ModelConfig)

    assert set(typing.get_args(hints["convolution"])) == set(CONVOLUTIONS)
