import dataclasses
import json
import os
import signal

import numpy as np
import pytest
import torch

from kg.errors import ArtefactError, FingerprintError, InputError
from kg.interruption import Interrupted
from training import fit as fitting
from training import loop
from training.checkpoint import copy_weights
from training.fit import fit, to_bundle
from training.prepare import prepare
from training.watching.pace import MEASURES

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
    return [{k: v for k, v in record.items() if k not in MEASURES} for record in history]


def read_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


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


@pytest.mark.parametrize(
    ("regime", "steps"), [("full", (1, 3, 20, 34)), ("decoupled", (7,)), ("sampled", (34,))]
)
def test_a_run_goes_on_inside_an_epoch(make_job, train, monkeypatch, tmp_path, regime, steps):
    """A world is in force for three steps, and a line of metrics covers seven."""
    monkeypatch.setattr(loop, "RECORD_STEPS", 7)
    job = make_job(epochs=2, alignment="adversarial", checkpoint_every=5, regime=regime)
    expected, _ = train(job, "whole")
    take = loop.train_step
    for step in steps:  # 20: all of the first epoch, which has not been judged yet
        taken = []

        def killed(*arguments, step=step, taken=taken):
            if len(taken) == step:
                raise MemoryError
            taken.append(None)
            return take(*arguments)

        name = f"cut-{step}"
        with monkeypatch.context() as patch:
            patch.setattr(loop.Loop, "_checkpoint_is_due", lambda self, at=step: self.at.done == at)
            patch.setattr(loop, "train_step", killed)
            with pytest.raises(MemoryError):
                train(job, name)
        disturb()
        counted = []

        def count(*arguments, counted=counted):
            counted.append(None)
            return take(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(loop, "train_step", count)
            resumed, _ = train(job, name)

        assert len(counted) == 40 - step
        assert_identical(resumed, expected)
        whole, cut = (read_lines(tmp_path / each / "metrics.jsonl") for each in ("whole", name))
        assert without_time(cut) == without_time(whole)
        assert [line["step"] for line in cut[1:]] == [7, 14, 20, 27, 34, 40]


@pytest.mark.parametrize(("signum", "step"), [(signal.SIGTERM, 4), (signal.SIGINT, 39)])
def test_who_is_asked_to_stop_saves_the_step_and_leaves(
    make_job, train, monkeypatch, tmp_path, signum, step
):
    job = make_job(epochs=2, checkpoint_minutes=0.0)
    expected, _ = train(job, "whole")
    take, taken = loop.train_step, []

    def asked(*arguments):
        taken.append(None)
        if len(taken) == step + 1:
            os.kill(os.getpid(), signum)
        return take(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "train_step", asked)
        with pytest.raises(Interrupted) as caught:
            train(job, "cut")

    assert caught.value.signum == signum
    assert f"step {step % 20 + 1} of epoch {step // 20 + 1} is in" in str(caught.value)
    counted = []
    monkeypatch.setattr(loop, "train_step", lambda *a: counted.append(None) or take(*a))
    resumed, _ = train(job, "cut")
    assert len(counted) == 40 - step - 1
    assert_identical(resumed, expected)


def test_checkpoints_inside_an_epoch_come_by_the_clock(make_job, train, monkeypatch):
    now, saved = [0.0], []
    monkeypatch.setattr(loop.time, "monotonic", lambda: now[0])
    take, save = loop.train_step, loop.save_checkpoint

    def minute(*arguments):
        now[0] += 60
        return take(*arguments)

    monkeypatch.setattr(loop, "train_step", minute)
    monkeypatch.setattr(
        loop, "save_checkpoint", lambda *a, **k: saved.append(k["progress"]) or save(*a, **k)
    )

    train(make_job(epochs=1, checkpoint_minutes=8.0), "eight")
    assert [at["step"] for at in saved] == [8, 16, 0]

    saved.clear()
    train(make_job(epochs=1, checkpoint_minutes=0.0), "none")
    assert [at["step"] for at in saved] == [0]


def test_a_training_draws_from_no_global_generator(make_job, train):
    """So a checkpoint needs the states of no library beside its own."""
    before = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002

    train(make_job(epochs=1, alignment="adversarial", spectral_start=False))

    assert torch.equal(before[0], torch.get_rng_state())
    after = np.random.get_state()  # noqa: NPY002
    assert all(np.array_equal(one, two) for one, two in zip(before[1], after, strict=True))


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

    message = str(caught.value)
    assert "\n" not in message
    assert "is not finite in step" in message
    assert "of epoch 1 (" in message
    assert "no checkpoint is there" in message
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_what_explodes_leaves_the_last_good_checkpoint(make_job, train, monkeypatch, tmp_path):
    job = make_job(epochs=2)
    expected, _ = train(job, "whole")
    monkeypatch.setattr(loop.Loop, "_checkpoint_is_due", lambda self: self.at.done == 25)
    take, taken = loop.train_step, []

    def explode(*arguments):
        losses = take(*arguments)
        taken.append(None)
        return {**losses, "loss_alignment": losses["loss"] * np.nan} if len(taken) == 26 else losses

    with monkeypatch.context() as patch:
        patch.setattr(loop, "train_step", explode)
        with pytest.raises(InputError, match="in step 6 of epoch 2 ") as caught:
            train(job, "cut")

    folder = tmp_path / "cut" / "checkpoints"
    assert f"the checkpoint in {folder} is from before it and stays" in str(caught.value)
    assert json.loads((folder / "progress.json").read_text())["step"] == 5
    resumed, _ = train(job, "cut")
    assert_identical(resumed, expected)


def test_what_was_killed_while_it_wrote_leaves_nothing_behind(make_job, train, tmp_path):
    folder = tmp_path / "run"
    (folder / ".checkpoints.x1").mkdir(parents=True)
    (folder / ".checkpoints.x1" / "state.safetensors").write_bytes(b"half")
    (folder / ".metrics.jsonl.x2").write_text("half")

    train(make_job(epochs=1))

    assert sorted(p.name for p in folder.iterdir()) == ["checkpoints", "metrics.jsonl"]


def test_no_room_for_metrics_is_one_line(make_job, train, monkeypatch, tmp_path):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(loop, "write_json_lines", full)

    with pytest.raises(ArtefactError, match="No space left on device") as caught:
        train(make_job(epochs=1))

    assert str(tmp_path / "run") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_tensorboard_has_what_metrics_have(make_job, train, tmp_path):
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    train(make_job(epochs=1, tensorboard=True))

    events = reading.EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    lines = read_lines(tmp_path / "run" / "metrics.jsonl")
    scores = [(e.step, pytest.approx(e.value)) for e in events.Scalars("valid/NDCG@10")]
    assert scores == [(line.get("step", 0), line["valid"]["NDCG@10"]) for line in lines]
    assert {"loss/loss", "loss/interaction", "learning_rate"} <= set(events.Tags()["scalars"])
    assert {f"machine/{name}" for name in MEASURES[:4]} <= set(events.Tags()["scalars"])
