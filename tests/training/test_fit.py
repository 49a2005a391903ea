import dataclasses

import numpy as np
import pytest
import torch

from kg.errors import FingerprintError, InputError
from training import fit as fitting
from training import loop
from training.checkpoint import copy_weights
from training.fit import fit, to_bundle
from training.prepare import prepare

CPU = torch.device("cpu")


@pytest.fixture
def train(split, features, tmp_path):
    """Fit a job over the checkerboard, its files in a folder called `name`."""

    def run(job, name="run", fingerprint="this job", split=split, features=features):
        objective = prepare(job, split, features, CPU)
        folder = tmp_path / name
        fitted = fit(
            job,
            split,
            objective,
            checkpoints=folder / "checkpoints",
            metrics=folder / "metrics.jsonl",
            fingerprint=fingerprint,
        )
        return fitted, objective.model

    return run


def without_time(history):
    return [{k: v for k, v in record.items() if k != "seconds"} for record in history]


def assert_identical(one, two):
    assert without_time(one.history) == without_time(two.history)
    assert one.best_epoch == two.best_epoch
    assert set(one.weights) == set(two.weights)
    for name in one.weights:
        assert torch.equal(one.weights[name], two.weights[name]), name
    for part in ("start", "final"):
        ours, theirs = getattr(one, part), getattr(two, part)
        assert torch.equal(ours.item_bias, theirs.item_bias)
        for node_type in ours.z:
            assert torch.equal(ours.z[node_type], theirs.z[node_type])


def disturb():
    torch.manual_seed(4321)
    torch.rand(3)
    np.random.seed(99)  # noqa: NPY002 - a global generator, on purpose
    np.random.rand(3)  # noqa: NPY002


@pytest.mark.parametrize("spectral_start", [True, False])
def test_checkerboard(make_job, train, split, spectral_start):
    """Users 0 and 1 are cold in films: all they can be known by is their books."""
    job = make_job(epochs=4 if spectral_start else 12, spectral_start=spectral_start)

    fitted, model = train(job)

    films = np.flatnonzero(split.train.item_mask("films"))
    ids = split.train.items.vocab.to_ids(films)
    users = split.train.users.vocab.index(["user-00", "user-01"])
    scores = to_bundle(fitted.final, model).scorer(split.train).score(users, films)
    for parity, row in enumerate(scores):
        best = [int(ids[column][-2:]) % 2 for column in np.argsort(-row)]
        assert best == [parity] * 5 + [1 - parity] * 5
    assert fitted.history[-1]["valid"]["NDCG@10"] == pytest.approx(1)


def test_history_has_one_record_an_epoch_and_is_written(make_job, train, tmp_path):
    fitted, _ = train(make_job(epochs=2))

    assert [record["epoch"] for record in fitted.history] == [0, 1, 2]
    assert {"loss", "loss_interaction", "valid", "seconds"} <= set(fitted.history[1])
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert len(lines) == 3


def test_one_seed_gives_one_result_whatever_the_global_generators_did(make_job, train):
    job = make_job(epochs=2, alignment="adversarial")
    first, _ = train(job, "first")
    disturb()

    again, _ = train(job, "again")
    other, _ = train(dataclasses.replace(job, seed=1), "other")

    assert_identical(first, again)
    assert without_time(first.history) != without_time(other.history)


# 180 interactions in batches of 9: 20 steps an epoch; 45 is in the middle of the third
@pytest.mark.parametrize(("checkpoint_every", "step"), [(1, 45), (2, 75), (1, 5), (1, 40)])
def test_a_resumed_run_equals_an_uninterrupted_one(
    make_job, train, monkeypatch, checkpoint_every, step
):
    # an adversary has parameters beside the network's, and moments of its own
    job = make_job(
        epochs=4, spectral_start=False, alignment="adversarial", checkpoint_every=checkpoint_every
    )
    expected, _ = train(job, "whole")
    take, taken = loop.train_step, []

    def interrupted(*arguments):
        if len(taken) == step:
            raise KeyboardInterrupt
        taken.append(None)
        return take(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "train_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(job, "cut")
    disturb()
    counted = []
    monkeypatch.setattr(loop, "train_step", lambda *a: counted.append(None) or take(*a))

    resumed, _ = train(job, "cut")

    per_epoch = 20
    kept = step // per_epoch // checkpoint_every * checkpoint_every
    assert len(counted) == (4 - kept) * per_epoch  # it did not start over
    assert_identical(resumed, expected)


def test_a_finished_run_is_not_trained_again(make_job, train, monkeypatch):
    job = make_job(epochs=2)
    expected, _ = train(job)
    monkeypatch.setattr(loop, "train_step", lambda *_: pytest.fail("trained again"))

    again, _ = train(job)

    assert_identical(again, expected)


def test_the_best_epoch_is_kept_not_the_last(make_job, train, monkeypatch):
    values = iter([0.1, 0.3, 0.9, 0.2, 0.2])
    snapshots = []

    def score(job, split, objective):
        snapshots.append(copy_weights(objective.model))
        return next(values)

    monkeypatch.setattr(fitting, "_score", score)

    fitted, _ = train(make_job(epochs=8, patience=2))

    assert fitted.best_epoch == 2
    assert [record["epoch"] for record in fitted.history] == [0, 1, 2, 3, 4]  # patience ended it
    for name, value in fitted.weights.items():
        assert torch.equal(value, snapshots[2][name])
    assert not all(torch.equal(snapshots[4][name], v) for name, v in fitted.weights.items())


def test_a_start_that_nothing_betters_is_kept(make_job, train, monkeypatch):
    monkeypatch.setattr(fitting, "_score", lambda *_: 0.5)

    fitted, _ = train(make_job(epochs=5, patience=1))

    assert fitted.best_epoch == 0
    assert torch.equal(fitted.final.z["user"], fitted.start.z["user"])


def test_a_checkpoint_of_another_job_is_refused(make_job, train):
    train(make_job(epochs=1), fingerprint="one")

    with pytest.raises(FingerprintError, match="belongs to another job or graph") as caught:
        train(make_job(epochs=1), fingerprint="two")

    assert "\n" not in str(caught.value)


def test_a_weight_that_is_not_a_number_is_one_line(make_job, train, split):
    edges = split.train.interaction_edges
    weight = np.array(edges.weight)
    weight[7] = np.nan
    graph = split.train.with_edges(
        {split.train.interactions: dataclasses.replace(edges, weight=weight)}
    )

    with pytest.raises(InputError) as caught:
        train(make_job(), split=dataclasses.replace(split, train=graph))

    assert "\n" not in str(caught.value)
    assert "must be finite" in str(caught.value)


@pytest.mark.parametrize("k", [0, 3])
def test_a_feature_that_is_not_a_number_is_one_line(make_job, train, features, k):
    text = np.array(features.vectors["item"])
    text[3, 2] = np.nan
    job = make_job(neighbours=k)

    with pytest.raises(InputError) as caught:
        train(job, features=dataclasses.replace(features, channels={"item": {"text": text}}))

    assert "\n" not in str(caught.value)
    assert "finite" in str(caught.value)


def test_a_loss_that_explodes_is_one_line_and_leaves_no_checkpoint(make_job, train, tmp_path):
    with pytest.raises(InputError) as caught:
        train(make_job(learning_rate=1e30))

    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run" / "checkpoints").exists()
