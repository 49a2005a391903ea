import numpy as np
import pytest
from typer.testing import CliRunner

import isthmus
from encoders.settings import EncoderConfig
from kg.errors import ArtefactError, InputError
from kg.files import read_json
from kg.store import load_graph, save_graph
from training.comparing import ALONE, compare_folders, judged_of, target_alone
from training.config import EvaluationConfig, GraphConfig, JobConfig, TaskConfig, TrainingConfig
from training.evaluation.judged import FILE
from training.evaluation.split_files import load_split
from training.jobs import load_config, run_job
from training.run_folder import RunFolder


@pytest.fixture
def make_run(tmp_path, two_domain_checkerboard):
    """Return the factory of whole runs, `(name, seed=0, protocol="user-cold", **training)`."""

    def factory(name, seed=0, protocol="user-cold", **training):
        if not (tmp_path / "graph").is_dir():
            save_graph(two_domain_checkerboard(24, 16), tmp_path / "graph")
        quick = {"epochs": 1, "batch_size": 64, "negatives": 8, "device": "cpu"}
        job = JobConfig(
            name=name,
            seed=seed,
            graph=GraphConfig(folder=tmp_path / "graph"),
            task=TaskConfig(
                target="films", protocols=(protocol,), valid_fraction=0.2, test_fraction=0.2
            ),
            encoder=EncoderConfig(model="hashing", dim=8, cache=tmp_path / "cache"),
            training=TrainingConfig(**{**quick, **training}),
            evaluation=EvaluationConfig(k=(3, 5), sampled_negatives=9, bootstrap=50),
        )
        run = RunFolder(tmp_path / name)
        run_job(job, run)
        return run

    return factory


def test_two_runs_on_the_same_rows(make_run):
    one, other = make_run("one"), make_run("other", epochs=2)
    found = compare_folders(one, other, "user-cold")
    results = read_json(one.task("user-cold").results)["scorers"]["isthmus"]
    assert found["full NDCG@3"]["one"] == pytest.approx(results["full"]["NDCG@3"]["mean"])
    assert found["sampled MRR"]["one"] == pytest.approx(results["sampled"]["MRR"]["mean"])
    assert (one.task("user-cold").path / FILE).is_file()


def test_other_rows_are_refused_in_one_line(make_run):
    one, other = make_run("one"), make_run("other", seed=1)
    done = CliRunner().invoke(isthmus.app, ["compare", str(one.path), str(other.path)])
    assert done.exit_code == 1
    assert "not the same held-out interactions" in done.output


def test_alone_it_sees_no_source_and_is_judged_on_the_same_rows(make_run):
    run = make_run("one", protocol="warm")
    found = target_alone(run, "warm")
    alone = RunFolder(run.path / ALONE)
    graph = load_graph(alone.graph)
    split = load_split(alone.task("warm").split, graph)
    assert graph.item_mask("films")[split.train.interaction_edges.dst].all()
    whole = load_split(run.task("warm").split, load_graph(run.graph))
    for part in ("valid", "test"):
        for name in ("users", "items", "candidates"):
            assert np.array_equal(
                getattr(getattr(split, part), name), getattr(getattr(whole, part), name)
            )
    assert load_config(alone) == load_config(run)
    assert judged_of(alone, "warm").source_history.sum() == 0
    assert judged_of(run, "warm").source_history.sum() > 0
    assert read_json(run.task("warm").results)["negative_transfer"] == found
    assert "Negative transfer" in run.report.read_text(encoding="utf-8")
    assert found["slices"]["all users"]["num_users"] == len(np.unique(whole.test.users))


def test_cold_users_alone_have_nothing(make_run):
    """The source says who is even and who is odd; without it nothing does."""
    run = make_run("one")
    done = CliRunner().invoke(isthmus.app, ["compare", str(run.path), "--alone"])
    assert done.exit_code == 0, done.exception
    assert "with sources" in done.output
    about = read_json(run.task("user-cold").results)["negative_transfer"]["slices"]["all users"]
    assert about["model"] > about["alone"]


def test_what_is_missing_is_said(make_run, tmp_path):
    run = make_run("one")
    with pytest.raises(ArtefactError, match="no model of warm"):
        judged_of(run, "warm")
    with pytest.raises(ArtefactError, match="no results of warm"):
        target_alone(run, "warm")
    done = CliRunner().invoke(isthmus.app, ["compare", str(run.path)])
    assert "either OTHER_RUN, or --alone" in done.output
    with pytest.raises(InputError, match="not the same"):
        compare_folders(run, make_run("more", seed=3), "user-cold")
