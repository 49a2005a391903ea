import ast
import dataclasses
import json
import sys
from pathlib import Path

import pytest

from encoders.knowledge.enrich import EnrichConfig
from encoders.texts.templates import TextConfig
from kg.errors import ArtefactError, ConfigError, InputError, LeakError
from kg.files import write_json
from kg.store import load_graph
from training.bundle import load_bundle
from training.config import (
    EvaluationConfig,
    GraphConfig,
    TaskConfig,
)
from training.evaluation.judged import FILE as JUDGED
from training.evaluation.judged import load_judged
from training.jobs import encode_step, import_step, load_config, run_job, train_step
from training.run_folder import RunFolder

PROTOCOLS = ("user-cold", "item-cold", "warm")


@pytest.fixture
def make_job(write_checkerboard, tiny_job, tmp_path):
    """Write the checkerboard as CSV; returns the factory `(domains=..., users=16, **task)`."""

    def factory(domains=("books", "films"), users=16, **task):
        fractions = {"valid_fraction": 0.2, "test_fraction": 0.2, "protocols": PROTOCOLS}
        return tiny_job(
            write_checkerboard(tmp_path, domains, users),
            TaskConfig(**{"target": "films", **fractions, **task}),
            evaluation=EvaluationConfig(k=(5,), sampled_negatives=4, bootstrap=20),
        )

    return factory


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path / "run")


def snapshot(run):
    return {
        str(file.relative_to(run.path)): file.stat().st_mtime_ns
        for file in run.path.rglob("*")
        if file.is_file()
    }


def refused(error, job, run):
    with pytest.raises(error) as caught:
        run_job(job, run)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_whole_job_and_then_nothing_left_to_do(make_job, run):
    job = make_job()

    run_job(job, run)

    assert load_config(run) == job
    assert run.protocols() == list(PROTOCOLS)
    assert run.report.read_text(encoding="utf-8").startswith("<!")
    for protocol in PROTOCOLS:
        task = run.task(protocol)
        results = json.loads(task.results.read_text(encoding="utf-8"))
        assert results["protocol"] == protocol
        best_floor = "text-kNN bridge" if protocol == "item-cold" else "user-kNN + popularity"
        floors = {"random", "popularity", "text cosine", best_floor}
        assert {"isthmus", *floors} <= set(results["scorers"])
        assert set(results["comparisons"]) == set(results["scorers"]) - {"isthmus"}
        calibration = load_bundle(task.model, load_graph(run.graph)).calibration
        if protocol != "item-cold":  # there, everybody took the only items that are cold
            assert 0 < results["calibration"]["base_rate"] < 1
            assert results["calibration"]["threshold"] == calibration.threshold
        assert len(task.metrics.read_text(encoding="utf-8").splitlines()) == 2
        for path in (task.split, task.model, task.checkpoints, task.path / "projection.json"):
            assert path.exists(), path
    assert not [name for name in snapshot(run) if Path(name).name.startswith(".")]

    before = snapshot(run)
    run_job(job, run)

    assert snapshot(run) == before


def test_texts_become_nodes_and_histories_and_are_saved_with_the_model(make_job, run):
    job = dataclasses.replace(
        make_job(protocols=("user-cold",)),
        texts=TextConfig(histories=True),
        knowledge=EnrichConfig(extractor="phrases", min_nodes=2, max_share=1.0),
    )

    run_job(job, run)

    graph = load_graph(run.graph)
    assert len(graph.nodes["phrase"]) > 0
    assert (graph.item_type, "mentions", "phrase") in graph.edges
    bundle = load_bundle(run.task("user-cold").model, graph)
    assert any("history" in name for name in bundle.weights)
    assert bundle.channels is not None
    assert "text" in bundle.channels.projections


def test_an_encoder_that_saw_what_is_held_out_is_refused(make_job, run, tmp_path):
    tuned = tmp_path / "tuned"
    tuned.mkdir()
    write_json(tuned / "isthmus.json", {"fingerprint": "x", "splits": ["of another job"]})
    job = make_job(protocols=("user-cold",))
    import_step(job, run)
    encode_step(job, run)
    job = dataclasses.replace(job, encoder=dataclasses.replace(job.encoder, model=str(tuned)))

    with pytest.raises(LeakError, match="was not tuned for this user-cold split"):
        train_step(job, run, "user-cold")


def test_an_encoder_that_saw_what_is_held_out_encodes_nothing(make_job, run, tmp_path):
    tuned = tmp_path / "tuned"
    tuned.mkdir()
    write_json(tuned / "isthmus.json", {"fingerprint": "x", "splits": ["of another job"]})
    job = make_job()
    job = dataclasses.replace(job, encoder=dataclasses.replace(job.encoder, model=str(tuned)))

    # the folder holds no model: opening it would be an error of another kind
    with pytest.raises(LeakError, match="was not tuned for this user-cold split"):
        run_job(job, run)

    assert not run.features.exists()


def test_what_is_missing_is_made_again_and_is_the_same(make_job, run):
    job = make_job(protocols=("user-cold",))
    run_job(job, run)
    results = run.task("user-cold").results
    before, expected = snapshot(run), results.read_text(encoding="utf-8")
    results.unlink()

    run_job(job, run)

    assert results.read_text(encoding="utf-8") == expected
    changed = {name for name, time in snapshot(run).items() if before[name] != time}
    assert changed == {"user-cold/results.json", "user-cold/users.parquet", "report.html"}


def test_other_settings_are_refused_with_the_key(make_job, run):
    job = make_job(protocols=("user-cold",))
    run_job(job, run)
    before = snapshot(run)
    other = dataclasses.replace(job, training=dataclasses.replace(job.training, epochs=2))

    message = refused(ConfigError, other, run)

    assert "training.epochs = 1, now it is 2" in message
    assert "--fresh" in message
    assert snapshot(run) == before
    run_job(other, run, fresh=True)
    assert load_config(run) == other


def test_starting_over_removes_a_run_and_nothing_else(make_job, run):
    run.path.mkdir()
    (run.path / "thesis.txt").write_text("precious")

    with pytest.raises(ArtefactError, match="not a run folder"):
        run_job(make_job(), run, fresh=True)

    assert (run.path / "thesis.txt").read_text() == "precious"


def test_an_imported_graph_is_copied(make_job, run, tmp_path):
    job = make_job(protocols=("warm",))
    run_job(job, run)
    other = RunFolder(tmp_path / "other")

    run_job(dataclasses.replace(job, graph=GraphConfig(folder=run.graph)), other)

    scores = [json.loads(r.task("warm").results.read_text(encoding="utf-8")) for r in (run, other)]
    for found in scores:
        found.pop("regime")  # it tells how much memory there was
    assert scores[0] == scores[1]


@pytest.mark.parametrize("protocol", ["user-cold", "item-cold"])
def test_one_domain_has_nothing_to_transfer(make_job, run, protocol):
    message = refused(InputError, make_job(domains=("films",), protocols=(protocol,)), run)

    assert "only 'films'" in message
    assert "warm" in message


def test_one_domain_is_enough_for_warm(make_job, run):
    run_job(make_job(domains=("films",), protocols=("warm",)), run)

    assert run.protocols() == ["warm"]


def test_users_may_have_other_relations_to_items(make_job, run, tmp_path):
    job = make_job(protocols=("warm",))
    (tmp_path / "seen.csv").write_text("user,item\nuser-00,books-1\nuser-01,films-0\n")
    mapping = job.graph.mapping.read_text()
    seen = mapping[mapping.index("[[edges]]") :].replace("likes.csv", "seen.csv")
    seen = seen.replace('"interacts"', '"ex:seen"')
    job.graph.mapping.write_text(mapping + seen)

    run_job(job, run)

    shown = json.loads((run.task("warm").path / "projection.json").read_text(encoding="utf-8"))
    assert "films" in json.dumps(shown)
    assert "seen" not in json.dumps(shown)


@pytest.mark.parametrize("protocol", ["user-cold", "item-cold"])
def test_a_split_that_leaves_nothing_is_one_line(make_job, run, protocol):
    fractions = {"valid_fraction": 0.5, "test_fraction": 0.5}

    message = refused(InputError, make_job(protocols=(protocol,), **fractions), run)

    assert "leaves no interaction" in message or "fraction" in message
    assert not run.task(protocol).model.exists()


def test_an_unknown_domain_is_one_line(make_job, run):
    assert 'did you mean "films"?' in refused(InputError, make_job(target="film"), run)


def test_no_such_device_is_one_line(make_job, run):
    job = make_job()
    job = dataclasses.replace(job, training=dataclasses.replace(job.training, device="warp"))

    assert "training.device = 'warp'" in refused(ConfigError, job, run)


def test_no_pickle_anywhere():
    """Weights are safetensors, the rest is JSON, TOML or Parquet; pickles run what they hold."""
    root = Path(__file__).parents[2]
    folders = ("kg", "encoders", "gnn", "training", "queries")
    folders += ("commands", "benchmarks", "examples")
    sources = [file for folder in folders for file in (root / folder).rglob("*.py")]
    sources.append(root / "isthmus.py")
    assert len(sources) > 40
    found = []
    for file in sources:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [getattr(node, "module", None), getattr(node, "id", None)]
            names += [alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")]
            if isinstance(node, ast.Attribute):
                names.append(f"{getattr(node.value, 'id', '')}.{node.attr}")
            names += [f"{k.arg}=" for k in getattr(node, "keywords", [])]
            bad = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
            bad |= {"torch.save", "torch.load", "read_pickle", "to_pickle", "allow_pickle="}
            found += [f"{file.relative_to(root)}: {name}" for name in names if name in bad]
    assert found == []


def test_tuned_baselines_stand_beside_the_floors(make_job, run):
    job = make_job(protocols=("user-cold",))
    baselines = ("item-knn", "lightgcn")
    job = dataclasses.replace(
        job, evaluation=dataclasses.replace(job.evaluation, floors=False, baselines=baselines)
    )

    run_job(job, run)

    results = json.loads(run.task("user-cold").results.read_text(encoding="utf-8"))
    assert set(results["scorers"]) == {"isthmus", "item-kNN", "LightGCN"}
    assert set(results["comparisons"]) == set(results["tuned"]) == {"item-kNN", "LightGCN"}
    assert "k" in results["tuned"]["item-kNN"]
    assert set(load_judged(run.task("user-cold").path / JUDGED).scorers) == set(results["scorers"])


def test_a_baseline_without_its_extra_is_one_line_before_anything_is_done(
    make_job, run, monkeypatch
):
    monkeypatch.setitem(sys.modules, "implicit", None)
    job = make_job(protocols=("user-cold",))
    job = dataclasses.replace(
        job, evaluation=dataclasses.replace(job.evaluation, baselines=("ease", "als"))
    )

    assert "isthmus[" in refused(ConfigError, job, run)
    with pytest.raises(ConfigError, match="'als' needs implicit"):
        import_step(job, run)
    assert not run.path.exists()

    run.path.mkdir()
    run.config.write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError, match="'als' needs implicit"):
        run_job(job, run, fresh=True)
    assert run.config.is_file()  # an earlier run is not removed for nothing


def test_no_probabilities_where_none_are_asked_for(make_job, run):
    job = make_job(protocols=("user-cold",))
    job = dataclasses.replace(
        job, evaluation=dataclasses.replace(job.evaluation, calibration="none")
    )

    run_job(job, run)

    task = run.task("user-cold")
    assert load_bundle(task.model, load_graph(run.graph)).calibration is None
    assert "calibration" not in json.loads(task.results.read_text(encoding="utf-8"))
