import json

import pytest

from kg.errors import ArtefactError
from training.claim import hold
from training.run_folder import RunFolder
from training.runs import describe, find_runs
from training.runs_show import differing, runs_table, side_by_side, wrongs


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def make_results(model, floor):
    def of(ndcg, recall):
        return {"full": {"NDCG@10": {"mean": ndcg}, "Recall@20": {"mean": recall}}}

    return {
        "model": "isthmus",
        "scorers": {"isthmus": of(*model), "random": of(0.01, 0.9), "kNN": of(*floor)},
    }


@pytest.fixture
def make_run(tmp_path):
    """Write the files of a run that are looked at: `(name, seed=, done=, **training)`."""

    def factory(name="one", seed=0, done=("checkpoint", "model", "results", "report"), **training):
        run = RunFolder(tmp_path / "runs" / name)
        task = run.task("user-cold")
        config = {
            "name": name,
            "seed": seed,
            "task": {"target": "films", "sources": ["books"], "protocols": ["user-cold"]},
            "training": {"epochs": 3, **training},
        }
        write(run.config, config)
        if "checkpoint" in done:
            at = {"epoch": 1, "step": 7, "steps": 20}
            write(task.checkpoints / "progress.json", at)
            write(task.path / "regime.json", {"regime": "full", "line": "..."})
            lines = [
                {"epoch": 0, "valid": {"NDCG@10": 0.2}},
                {"epoch": 1, "step": 20, "valid": {"NDCG@10": 0.3}, "seconds": 5.0},
                {"epoch": 2, "step": 25, "loss": 1.0, "seconds": 2.0},
            ]
            task.metrics.write_text("".join(json.dumps(line) + "\n" for line in lines))
        if "model" in done:
            task.model.mkdir(parents=True)
        if "results" in done:
            write(task.results, make_results((0.4, 0.5), (0.2, 0.4)))
        if "report" in done:
            run.report.write_text("<!doctype html>")
        return run

    return factory


def test_a_finished_run(make_run):
    about = describe(make_run())

    assert (about.state, about.name, about.target, about.sources) == (
        "finished",
        "one",
        "films",
        ["books"],
    )
    assert about.seed == 0
    assert about.wrong == []
    assert about.when[:2] == "20"
    [protocol] = about.protocols
    assert protocol.done == "judged"
    assert (protocol.valid, protocol.best_epoch, protocol.regime) == (0.3, 1, "full")
    assert protocol.seconds == 5.0
    assert protocol.test == {"NDCG@10": 0.4, "Recall@20": 0.5}
    assert protocol.floor == "kNN"  # the strongest in NDCG, though another has more recall
    assert protocol.ratios == pytest.approx({"NDCG@10": 2.0, "Recall@20": 1.25})


@pytest.mark.parametrize(
    ("done", "state", "said"),
    [
        ((), "interrupted", "not begun"),
        (("checkpoint",), "interrupted", "epoch 1 of 3 and step 7 of 20"),
        (("checkpoint", "model"), "trained", "trained"),
        (("checkpoint", "model", "results"), "trained", "judged"),
    ],
)
def test_how_far_a_run_has_got(make_run, done, state, said):
    about = describe(make_run(done=done))

    assert about.state == state
    assert about.protocols[0].done == said


def test_a_run_that_a_process_works_on_is_running(make_run):
    run = make_run(done=("checkpoint",))

    with hold(run):
        assert describe(run).state == "running"
        with pytest.raises(ArtefactError, match="another process"), hold(run):
            pass

    assert describe(run).state == "interrupted"


def test_what_is_damaged_is_said_and_the_rest_is_listed(make_run, tmp_path):
    whole = make_run("whole")
    make_run("half").task("user-cold").results.write_text('{"model": ')
    make_run("other").task("user-cold").results.write_text('{"model": "isthmus"}')
    (tmp_path / "runs" / "cut" / "features").mkdir(parents=True)
    (make_run("broken").config).write_text("[]")
    (tmp_path / "runs" / "notes").mkdir()

    found = {about.path: about for about in map(describe, find_runs(tmp_path / "runs"))}

    states = {path.rsplit("/", 1)[1]: about.state for path, about in found.items()}
    assert states == {
        "broken": "damaged",
        "cut": "damaged",
        "half": "damaged",
        "other": "damaged",
        "whole": "finished",
    }
    assert found[str(whole.path)].wrong == []
    said = wrongs(list(found.values()))
    assert len(said) == 4
    assert all("\n" not in line and str(tmp_path) in line for line in said)
    assert runs_table(list(found.values())).row_count == 5


def test_targets_of_a_job_are_runs_of_their_own(make_run, tmp_path):
    make_run("shop/films")
    make_run("shop/books")

    paths = [run.path for run in find_runs(tmp_path / "runs")]

    assert paths == [tmp_path / "runs" / "shop" / "books", tmp_path / "runs" / "shop" / "films"]
    assert [run.path for run in find_runs(paths[0])] == [paths[0]]
    with pytest.raises(ArtefactError, match="is no folder"):
        find_runs(tmp_path / "nowhere")


def test_nothing_is_written(make_run):
    run = make_run()
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}

    describe(run)

    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before


def test_side_by_side(make_run):
    one, two = make_run("one", loss="softmax"), make_run("two", seed=1, loss="bpr")
    abouts = [describe(one), describe(two)]

    assert differing(abouts) == {
        "name": ["one", "two"],
        "seed": [0, 1],
        "training.loss": ["softmax", "bpr"],
    }
    settings, outcome = side_by_side(abouts)
    assert settings.row_count == 3
    labels = list(outcome.columns[0].cells)
    assert labels == [
        "state",
        "user-cold",
        "user-cold valid",
        "user-cold NDCG@10",
        "user-cold Recall@20",
        "user-cold training",
    ]
    assert list(outcome.columns[1].cells)[3] == "40.00 (2.00x)"
