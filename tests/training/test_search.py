import json
from types import SimpleNamespace

import pytest
import torch

from kg.errors import ConfigError, InputError
from training import search
from training.config import GraphConfig, JobConfig, TaskConfig
from training.search import is_hopeless, tune
from training.search_space import Parameter

SPACE = {
    "neighbours.lexical": Parameter(low=0.0, high=1.0),
    "model.width": Parameter(choices=(8, 16)),
}


class Interrupted(BaseException):
    """What a kill is to a study."""


def lexical(settings):
    return 0.1 + settings["neighbours.lexical"]


@pytest.fixture
def job(tmp_path):
    return JobConfig(
        name="shop", graph=GraphConfig(folder=tmp_path / "graph"), task=TaskConfig(target="films")
    )


@pytest.fixture
def measured(monkeypatch):
    """Two tasks that score by `measured.score(settings)`; `measured.done` is what was asked."""
    measured = SimpleNamespace(score=lexical, done=[])

    def task(name, protocol, floor):
        def measure(settings):
            measured.done.append((name, settings))
            return measured.score(settings)

        return SimpleNamespace(
            name=name,
            split=SimpleNamespace(protocol=protocol),
            floors={"random": 0.01, "best": floor},
            best_floor="best",
            measure=measure,
        )

    tasks = [task("shop/user-cold", "user-cold", 0.5), task("shop/item-cold", "item-cold", 2.0)]
    monkeypatch.setattr(search, "open_tasks", lambda jobs, out, say: tasks)
    return measured


def read(out):
    return json.loads((out / "study.json").read_text(encoding="utf-8"))


def without_times(study):
    for trial in study["trials"]:
        trial.pop("seconds", None)
        for done in trial["tasks"].values():
            done.pop("seconds")
    return study


def test_a_study_knows_every_trial_and_the_best(job, measured, tmp_path):
    said = []

    study = tune([job], SPACE, tmp_path / "study", trials=8, say=said.append)

    assert study == read(tmp_path / "study")
    trials = study["trials"]
    assert [trial["number"] for trial in trials] == list(range(8))
    assert trials[0]["settings"]["neighbours.lexical"] == job.neighbours.lexical
    first = trials[0]["tasks"]
    assert first["shop/user-cold"]["NDCG@10"] == pytest.approx(0.6)
    assert first["shop/user-cold"]["ratio"] == pytest.approx(0.6 / 0.5)
    assert first["shop/item-cold"]["ratio"] == pytest.approx(0.6 / 2.0)
    assert trials[0]["value"] == pytest.approx((1.2 * 0.3) ** 0.5)
    assert study["tasks"]["shop/user-cold"]["best_floor"] == "best"
    complete = [trial for trial in trials if trial["state"] == "complete"]
    assert study["best"] == max(complete, key=lambda trial: trial["value"])["number"]
    assert max(study["importances"], key=study["importances"].get) == "neighbours.lexical"
    assert len(said) == 8
    assert said[0].startswith("trial 1/8: 0.6000 of the floors")
    assert str(tmp_path) not in (tmp_path / "study" / "study.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("killed_at", [0, 1, 6, 13])
def test_a_killed_study_ends_as_one_that_never_was(job, measured, tmp_path, killed_at):
    whole = tune([job], SPACE, tmp_path / "whole", trials=8)
    num_trainings = len(measured.done)
    measured.done.clear()

    def kill(settings):
        if len(measured.done) == killed_at + 1:
            raise Interrupted
        return lexical(settings)

    measured.score = kill
    with pytest.raises(Interrupted):
        tune([job], SPACE, tmp_path / "killed", trials=8)
    measured.score = lexical
    resumed = tune([job], SPACE, tmp_path / "killed", trials=8)

    assert without_times(resumed) == without_times(whole)
    assert len(measured.done) == num_trainings + 1  # the one that was killed


def test_more_trials_go_on_and_as_many_do_nothing(job, measured, tmp_path):
    tune([job], SPACE, tmp_path, trials=3)
    before = (tmp_path / "study.json").read_text(encoding="utf-8")
    measured.done.clear()

    tune([job], SPACE, tmp_path, trials=3)
    assert measured.done == []
    assert (tmp_path / "study.json").read_text(encoding="utf-8") == before

    assert len(tune([job], SPACE, tmp_path, trials=5)["trials"]) == 5


def test_no_training_begins_after_the_timeout(job, measured, tmp_path):
    study = tune([job], SPACE, tmp_path, trials=5, timeout=0.0)

    assert (study["trials"], study["best"], measured.done) == ([], None, [])


def test_another_study_is_refused(job, measured, tmp_path):
    tune([job], SPACE, tmp_path, trials=1)

    with pytest.raises(ConfigError, match="use another --out"):
        tune([job], {**SPACE, "model.width": Parameter(choices=(8, 32))}, tmp_path, trials=2)


def test_a_bad_trial_is_stopped_after_every_protocol_had_its_turn():
    def trial(*ratios, state="complete"):
        return {"state": state, "tasks": {str(i): {"ratio": r} for i, r in enumerate(ratios)}}

    names = ["0", "1", "2"]
    complete = [trial(1.0, 1.0 + 0.1 * i, 1.0) for i in range(5)]  # the median is 1.2 at task 1
    bad, good = trial(1.0, 1.1), trial(1.0, 1.3)

    assert is_hopeless(bad, names, 2, complete)
    assert not is_hopeless(good, names, 2, complete)
    assert not is_hopeless(trial(0.1), names, 2, complete)  # one protocol
    assert not is_hopeless(trial(0.1, 0.1, 0.1), names, 2, complete)  # done
    assert not is_hopeless(bad, names, 2, complete[:4])
    assert not is_hopeless(bad, names, 2, [*complete[:4], trial(9.0, 9.0, state="pruned")])


def test_stopped_trials_are_kept_and_never_the_best(job, measured, tmp_path):
    measured.score = lambda settings: 1.5 - settings["neighbours.lexical"]

    study = tune([job], SPACE, tmp_path, trials=16)

    stopped = [trial for trial in study["trials"] if trial["state"] == "pruned"]
    assert stopped
    assert all(list(trial["tasks"]) == ["shop/user-cold"] for trial in stopped)
    assert study["trials"][study["best"]]["state"] == "complete"


@pytest.mark.parametrize(
    "error", [InputError("the loss is not finite"), torch.OutOfMemoryError("no room\nat all")]
)
def test_settings_that_fail_end_a_trial_but_not_the_study(job, measured, tmp_path, error):
    def fail(settings):
        if settings["neighbours.lexical"] != 0.5:
            raise error
        return 1.0

    measured.score, said = fail, []

    study = tune([job], SPACE, tmp_path, trials=4, say=said.append)

    assert [trial["state"] for trial in study["trials"]] == ["complete", *["pruned"] * 3]
    assert study["trials"][1]["error"] == str(error).splitlines()[0]
    assert said[1] == f"trial 2/4: stopped, {study['trials'][1]['error']}"


def test_a_job_that_fails_as_it_is_is_an_error(job, measured, tmp_path):
    def fail(settings):
        raise InputError("no interaction to train on")

    measured.score = fail

    with pytest.raises(InputError, match="no interaction to train on"):
        tune([job], SPACE, tmp_path, trials=4)
