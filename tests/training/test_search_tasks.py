import dataclasses
import tomllib

import numpy as np
import pytest
from typer.testing import CliRunner

import isthmus
from encoders.settings import EncoderConfig
from kg.errors import ConfigError, InputError
from kg.files import read_json, write_json
from kg.settings import build
from kg.store import load_graph, save_graph
from training import search_tasks
from training.baselines.random import Random
from training.config import (
    GraphConfig,
    JobConfig,
    ModelConfig,
    TaskConfig,
    TrainingConfig,
)
from training.evaluation import valid
from training.evaluation.evaluate import evaluate
from training.evaluation.split import HeldOut
from training.run_folder import RunFolder
from training.search_tasks import open_tasks, train_scorer, without_test

PROTOCOLS = ("user-cold", "item-cold")


@pytest.fixture
def job(tmp_path, two_domain_checkerboard):
    save_graph(two_domain_checkerboard(), tmp_path / "graph")
    return JobConfig(
        name="tiny",
        graph=GraphConfig(folder=tmp_path / "graph"),
        task=TaskConfig(target="films", protocols=PROTOCOLS, valid_fraction=0.2, test_fraction=0.2),
        encoder=EncoderConfig(model="hashing", dim=8, cache=tmp_path / "cache"),
        model=ModelConfig(width=8, text_width=4),
        training=TrainingConfig(epochs=1, negatives=8, device="cpu"),
    )


def silent(line):
    pass


def test_tasks_share_features_and_their_floors_are_measured_once(job, tmp_path, monkeypatch):
    said = []

    tasks = open_tasks([job], tmp_path / "study", said.append)

    assert [task.name for task in tasks] == ["tiny/user-cold", "tiny/item-cold"]
    assert tasks[0].features is tasks[1].features
    assert tasks[0].floors[tasks[0].best_floor] == max(tasks[0].floors.values()) > 0
    assert any("the best floor is" in line for line in said)

    monkeypatch.setattr(search_tasks, "floors_for", None)
    again = open_tasks([job], tmp_path / "study", silent)
    assert [task.floors for task in again] == [task.floors for task in tasks]


def test_the_test_part_is_neither_scored_nor_there(job, tmp_path, monkeypatch):
    looked = []

    def watched(scorer, split, part, **settings):
        looked.append((part, len(split.test), len(split.test.candidates)))
        return evaluate(scorer, split, part, **settings)

    monkeypatch.setattr(valid, "evaluate", watched)

    for task in open_tasks([job], tmp_path / "study", silent):
        assert len(task.split.valid)
        task.measure({})

    assert len(looked) > 8
    assert set(looked) == {("valid", 0, 0)}


def test_what_is_in_the_test_part_makes_no_difference(job, tmp_path):
    """A poisoned test part: rows that no scorer can score."""
    task = open_tasks([job], tmp_path / "study", silent)[0]
    rows = np.full(3, 10**9)
    poisoned = dataclasses.replace(
        task.split, test=HeldOut(users=rows, items=rows, candidates=rows)
    )

    again = dataclasses.replace(task, split=without_test(poisoned))

    assert again.measure({}) == task.measure({})


def test_a_trained_scorer_knows_more_than_chance_and_leaves_nothing(job, tmp_path):
    task = open_tasks([job], tmp_path / "study", silent)[0]
    before = sorted(tmp_path.rglob("*"))

    scorer = train_scorer(job, task.split, task.features, task.histories)

    assert valid.valid_score(scorer, task.split) > valid.valid_score(Random(0), task.split)
    assert sorted(tmp_path.rglob("*")) == before


def test_settings_reach_the_training(job, tmp_path, monkeypatch):
    task, seen = open_tasks([job], tmp_path / "study", silent)[0], []
    monkeypatch.setattr(
        search_tasks, "train_scorer", lambda job, *rest: seen.append(job) or Random(0)
    )

    task.measure({"model.width": 5, "training.learning_rate": 0.5})

    assert (seen[0].model.width, seen[0].training.learning_rate) == (5, 0.5)
    assert seen[0].task == job.task


def test_two_jobs_of_one_name_are_refused(job, tmp_path):
    with pytest.raises(ConfigError, match="need different names, got tiny, tiny"):
        open_tasks([job, dataclasses.replace(job, seed=1)], tmp_path / "study", silent)


def test_floors_that_find_nothing_leave_nothing_to_compare_with(job, tmp_path):
    out = tmp_path / "study"
    write_json(RunFolder(out / "tiny").task("user-cold").path / "floors-valid.json", {"random": 0})

    with pytest.raises(InputError, match="every floor has"):
        open_tasks([job], out, silent)


def test_the_command_line_searches_and_prints_what_a_job_takes(job, tmp_path):
    file, space, out = tmp_path / "job.toml", tmp_path / "space.toml", tmp_path / "study"
    file.write_text(
        'name = "tiny"\n[graph]\nfolder = "graph"\n'
        '[task]\ntarget = "films"\nvalid_fraction = 0.2\ntest_fraction = 0.2\n'
        '[encoder]\nmodel = "hashing"\ndim = 8\ncache = "cache"\n'
        "[training]\nepochs = 1\nnegatives = 8\n"
        "[model]\nwidth = 8\ntext_width = 4\n"
    )
    space.write_text(
        "[search]\ntraining.epochs = {low = 1, high = 3}\nneighbours.k = {choices = [3, 5]}\n"
    )
    command = ["tune", str(file), "--trials", "2", "--out", str(out), "--space", str(space)]
    command += ["--protocols", "user-cold", "--set", "neighbours.k=3"]

    result = CliRunner().invoke(isthmus.app, command)

    assert result.exit_code == 0, result.output
    study = read_json(out / "study.json")
    assert list(study["tasks"]) == ["tiny/user-cold"]
    assert list(study["space"]) == ["training.epochs"]
    assert len(study["trials"]) == 2
    assert "trial 2/2: " in result.stderr
    shown = tomllib.loads(result.stdout.partition("for a job:")[2])
    assert build(TrainingConfig, shown["training"]).epochs in (1, 2, 3)
    assert load_graph(out / "tiny" / "graph").domains == ("books", "films")
