import json
import subprocess
import sys

import numpy as np
import pyarrow.parquet as parquet
import pytest
from typer.testing import CliRunner

import isthmus
from encoders.cache.cached import CachedEncoder
from encoders.channels.features import load_features
from encoders.models.hashing import HashingEncoder
from kg.store import load_graph, save_graph
from training.bundle import Bundle, save_bundle
from training.evaluation.split_files import save_split
from training.run_folder import RunFolder


def invoke(*arguments):
    return CliRunner().invoke(isthmus.app, [str(argument) for argument in arguments])


@pytest.fixture
def run(tmp_path, two_domain_checkerboard, checkerboard_split):
    """A run over the checkerboard whose model knows parity, and prefers low numbers."""
    graph = two_domain_checkerboard()
    parity = {
        kind: np.array([int(i[-1]) % 2 for i in graph.nodes[kind].vocab.ids.to_pylist()])
        for kind in ("user", "item")
    }
    z = {kind: np.eye(2, dtype=np.float32)[rows] for kind, rows in parity.items()}
    bias = -np.arange(len(graph.items), dtype=np.float32) / 1_000
    bundle = Bundle(z=z, item_bias=bias, weights={}, about={})
    folder = RunFolder(tmp_path / "run")
    save_graph(graph, folder.graph)
    save_split(checkerboard_split(), folder.task("user-cold").split)
    save_bundle(bundle, folder.task("user-cold").model, graph)
    return folder.path


def test_help_needs_nothing_heavy():
    code = (
        "import sys, isthmus\n"
        "heavy = {'torch', 'transformers', 'pyarrow', 'sklearn', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_help_names_every_command():
    result = invoke("--help")
    assert result.exit_code == 0
    for command in (
        *("run", "import", "inspect", "encode", "train", "evaluate", "report", "compare"),
        *("recommend", "score", "similar", "explain"),
    ):
        assert f" {command} " in result.output


def test_help_groups_the_commands():
    output = invoke("--help").output
    groups = ["─ Jobs ─", "─ Answers ─", "─ Graphs ─", "─ Texts ─"]
    at = [output.index(group) for group in groups]
    assert at == sorted(at)
    assert at[0] < output.index("│ run ") < at[1] < output.index("│ recommend ") < at[2]
    assert at[2] < output.index("│ import ") < at[3] < output.index("│ cache ")


def test_version():
    assert invoke("--version").output.startswith("isthmus 0.")


def test_a_mistyped_command_is_guessed():
    result = invoke("recomend")
    assert result.exit_code == 2
    assert "Did you mean 'recommend'?" in result.output


MAPPING = """
[[nodes]]
file = "items.csv"
type = "item"
id = "id"
domain_column = "domain"
text = "title"

[[edges]]
file = "likes.csv"
relation = "interacts"
src = { type = "user", column = "user", create = true }
dst = { type = "item", column = "item" }
"""


@pytest.fixture
def mapping(tmp_path):
    """Two books, two films, and a like of something unknown."""
    (tmp_path / "items.csv").write_text(
        "id,domain,title\nb1,books,Emma\nb2,books,Dune\nf1,films,Clueless\nf2,films,Arrakis\n"
    )
    (tmp_path / "likes.csv").write_text("user,item\nann,b1\nann,f1\nben,b2\nben,x9\n")
    path = tmp_path / "graph.toml"
    path.write_text(MAPPING)
    return path


def test_import_then_inspect_then_encode(mapping, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))  # the cache of encodings lies there
    graph = tmp_path / "graph"
    result = invoke("import", mapping, "--out", graph)
    assert result.exit_code == 0
    assert result.stdout.endswith(f"Graph: {graph}\n")
    inspected = invoke("inspect", graph)
    assert inspected.exit_code == 0
    assert result.stdout.startswith(inspected.stdout.rstrip("\n"))
    for word in ("books", "films", "interacts", "unknown item"):
        assert word in inspected.stdout
    features = tmp_path / "features"
    result = invoke("encode", graph, "--out", features, "--model", "hashing")
    assert result.stdout == f"Features: {features}\n"
    assert load_features(features, load_graph(graph)).vectors["item"].shape[0] == 4


def test_a_checked_import_writes_nothing(mapping, tmp_path):
    result = invoke("import", mapping, "--check", "--out", tmp_path / "graph")
    assert result.exit_code == 0
    assert "unknown item" in result.stdout
    assert not (tmp_path / "graph").exists()


def test_inspect_finds_the_graph_of_a_run(run):
    assert "films" in invoke("inspect", run).stdout


def test_recommend_as_table_and_as_json(run):
    options = ("recommend", run, "--user", "user-00", "--domain", "films", "-k", 3)
    rows = json.loads(invoke(*options, "--json").stdout)
    assert [row["id"] for row in rows] == ["films-00", "films-02", "films-04"]
    result = invoke(*options)
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == ["1", "2", "3"]
    assert "one of the films" in result.stdout


def test_recommend_excludes_what_was_seen(run):
    options = ("recommend", run, "--user", "user-04", "--domain", "films", "-k", 1, "--json")
    [row] = json.loads(invoke(*options).stdout)
    assert row["id"] == "films-01"  # every even one is known
    [row] = json.loads(invoke(*options, "--include-seen").stdout)
    assert row["id"] == "films-00"


def test_recommend_what_is_likely_needs_probabilities(run):
    options = ("recommend", run, "--user", "user-00", "--domain", "films")
    result = invoke(*options, "--min-probability", "0.1")
    assert result.exit_code == 1
    assert "this model has no probabilities" in result.stderr
    assert invoke(*options, "--min-probability", "2").exit_code == 2


def test_recommend_to_a_file_of_users(run, tmp_path):
    (tmp_path / "users.txt").write_text("user-00\nuser-01\nnobody\n")
    out = tmp_path / "out.parquet"
    options = ("recommend", run, "--users", tmp_path / "users.txt", "--out", out)
    options += ("--domain", "films", "-k", 2)
    result = invoke(*options)
    assert result.exit_code == 1
    assert "users.txt, line 3: unknown user id 'nobody'" in result.stderr
    result = invoke(*options, "--skip-unknown")
    assert "3 users, 1 unknown" in result.stdout
    assert parquet.read_table(out)["item"].to_pylist() == [
        *("films-00", "films-02"),
        *("films-01", "films-03"),
    ]


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--user", "user-00", "--users", "users.txt", "--out", "out.csv"],
        ["--users", "users.txt"],
        ["--user", "user-00", "--out", "out.csv"],
    ],
)
def test_recommend_to_one_or_to_a_file(run, options):
    result = invoke("recommend", run, "--domain", "films", *options)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: give one of --user ID, ")
    assert result.stderr.endswith(", --users FILE --out FILE, --all-users --out FILE\n")


def test_score(run, tmp_path):
    (tmp_path / "pairs.csv").write_text("user,item\nuser-00,films-00\nuser-00,films-01\n")
    out = tmp_path / "scored.parquet"
    result = invoke("score", run, "--pairs", tmp_path / "pairs.csv", "--out", out)
    assert result.stdout == f"2 pairs, 0 unknown: {out}\n"
    even, odd = parquet.read_table(out)["score"].to_pylist()
    assert even > odd + 0.5


def test_similar(run):
    rows = json.loads(
        invoke("similar", run, "--id", "books-01", "--domain", "films", "-k", 2, "--json").stdout
    )
    assert [row["id"] for row in rows] == ["films-01", "films-03"]
    users = invoke("similar", run, "--id", "user-00", "--type", "user", "-k", 1, "--json").stdout
    assert [row["id"] for row in json.loads(users)] == ["user-02"]


def test_explain(run, tmp_path):
    asked = ("explain", run, "--user", "user-04", "--item", "films-00", "-k", 2)
    result = invoke(*asked, "--picture", tmp_path / "why.svg")
    assert result.exit_code == 0
    assert 'user-04 likes "one of the books" (books) ~near in the network~' in result.stdout
    assert "more paths" in result.stdout
    assert (tmp_path / "why.svg").read_text().startswith("<?xml")
    found = json.loads(invoke(*asked, "--json").stdout)
    parts = sum(part["contribution"] for part in found["parts"])
    assert abs(parts - found["score"]) < 1e-4
    assert len(found["paths"]) == 2
    # user-00 lost its films: what is held out explains nothing.
    cold = json.loads(
        invoke("explain", run, "--user", "user-00", "--item", "films-00", "--json").stdout
    )
    assert all(used["domains"] == ["books"] for used in cold["history"])
    assert "why.pdf: a picture is" in invoke(*asked, "--picture", "why.pdf").stderr


def test_an_error_is_one_line(run, tmp_path):
    result = invoke("recommend", run, "--user", "user-99", "--domain", "films")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: unknown user id 'user-99', did you mean \"user-")
    assert result.stderr.count("\n") == 1
    result = invoke("similar", tmp_path / "nowhere", "--id", "x")
    assert result.stderr == f"error: no such run folder: {tmp_path / 'nowhere'}\n"


def test_debug_shows_the_traceback(run):
    result = invoke("--debug", "recommend", run, "--user", "user-99", "--domain", "films")
    assert result.exit_code == 1
    assert "unknown user id" in str(result.exception)


def test_a_bug_is_not_hidden(run, monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("a bug")

    monkeypatch.setattr("queries.recommender.Recommender.open", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        CliRunner().invoke(isthmus.app, ["similar", str(run), "--id", "x"], catch_exceptions=False)


def test_an_interrupted_query_says_so(run, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("queries.recommender.Recommender.open", interrupted)
    result = invoke("similar", run, "--id", "x")
    assert result.exit_code == 130
    assert result.stderr == "interrupted\n"


TINY_JOB = """
name = "tiny"
graph.mapping = "graph.toml"
encoder = { model = "hashing", dim = 16 }
neighbours = { k = 2 }
model = { width = 8, layers = 1 }
training = { epochs = 1, negatives = 8, batch_size = 64, device = "cpu" }
evaluation = { k = [3], sampled_negatives = 3, bootstrap = 20 }

[task]
target = "films"
protocols = ["user-cold"]
valid_fraction = 0.2
test_fraction = 0.2
"""


@pytest.fixture
def tiny_job(mapping, two_domain_checkerboard, tmp_path, monkeypatch):
    """A job over the checkerboard as CSV."""
    monkeypatch.setenv("HOME", str(tmp_path))
    graph = two_domain_checkerboard()
    items = graph.items.vocab.ids.to_pylist()
    users, edges = graph.users.vocab, graph.interaction_edges
    rows = zip(users.to_ids(edges.src), graph.items.vocab.to_ids(edges.dst), strict=True)
    (tmp_path / "likes.csv").write_text("user,item\n" + "".join(f"{u},{i}\n" for u, i in rows))
    (tmp_path / "items.csv").write_text(
        "id,domain,title\n" + "".join(f"{i},{i[:5]},The {i}\n" for i in items)
    )
    job = tmp_path / "job.toml"
    job.write_text(TINY_JOB)
    return job


def test_run_for_two_targets_has_a_folder_for_each(tiny_job, tmp_path):
    out = tmp_path / "both"
    options = ("--target", "films", "--target", "books", "--set", 'task.sources=["books"]')
    result = invoke("run", tiny_job, "--out", out, *options)
    assert result.exit_code == 0, result.output
    assert "books → films, user-cold" in result.stdout
    assert "films → books, user-cold" in result.stdout
    for target in ("films", "books"):
        assert f"Report: {out / target / 'report.html'}" in result.stdout
        assert json.loads((out / target / "config.json").read_text())["task"]["target"] == target
    refused = invoke("run", tiny_job, "--out", out, "--target", "music")
    assert "unknown domain 'music'" in refused.stderr


def test_run_does_everything_and_resumes(tiny_job, tmp_path):
    job, out = tiny_job, tmp_path / "run"
    first = invoke("run", job, "--out", out)
    assert first.exit_code == 0, first.output
    assert "books → films, user-cold" in first.stdout
    assert first.stdout.count("why the first: ") == 3
    assert first.stdout.splitlines()[-1] == f"Report: {out / 'report.html'}"
    assert (out / "report.html").is_file()

    model = (out / "user-cold" / "model" / "embeddings.safetensors").stat().st_mtime_ns
    again = invoke("run", job, "--out", out)
    assert again.stdout == first.stdout
    assert (out / "user-cold" / "model" / "embeddings.safetensors").stat().st_mtime_ns == model
    other = invoke("run", job, "--out", out, "--set", "seed=1")
    assert other.exit_code == 1
    assert "was made with seed = 0, now it is 1: use --fresh" in other.stderr
    assert "books → films, user-cold" in invoke("evaluate", out).stdout
    assert invoke("report", out).stdout == f"Report: {out / 'report.html'}\n"
    options = ("recommend", out, "--user", "user-00", "--domain", "films", "--json")
    everything = invoke(*options).stdout
    assert invoke(*options, "--min-probability", "0").stdout == everything
    trained = invoke("train", job, "--out", out)
    assert trained.stdout == f"Model: {out / 'user-cold' / 'model'}\n"


def test_cache_lists_merges_and_removes(tmp_path):
    encoder = CachedEncoder(HashingEncoder(dim=8), tmp_path, name="hashing")
    for text in ("one", "two"):
        encoder.encode([text])
    listed = invoke("cache", "--folder", tmp_path)
    assert listed.exit_code == 0, listed.output
    assert "hashing" in listed.stdout
    assert encoder.fingerprint[:12] in listed.stdout
    assert "1 files fewer" in invoke("cache", "--folder", tmp_path, "--merge").stdout
    kept = invoke("cache", "--folder", tmp_path, "--older-than", "30")
    assert "removed: nothing" in kept.stdout
    gone = invoke("cache", "--folder", tmp_path, "--encoder", encoder.fingerprint[:12])
    assert f"removed: {encoder.fingerprint[:12]}" in gone.stdout
    assert "hashing" not in invoke("cache", "--folder", tmp_path).stdout


def test_finetune_tunes_the_encoder_of_a_job(tmp_path, monkeypatch):
    asked = {}

    def finetune_step(job, out):
        asked.update(job=job, out=out)
        return out

    monkeypatch.setattr("training.jobs.finetune_step", finetune_step)
    job = tmp_path / "job.toml"
    job.write_text('name = "x"\ngraph.folder = "graph"\ntask.target = "films"\n')
    result = invoke("finetune", job, "--out", tmp_path / "m", "--set", "tuning.pairs.items=2")
    assert result.stdout == f"Encoder: {tmp_path / 'm'}\n"
    assert asked["job"].tuning.pairs.items == 2
    assert asked["out"] == tmp_path / "m"


def test_an_interrupted_run_says_how_to_go_on(tmp_path, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("training.jobs.run_job", interrupted)
    job = tmp_path / "job.toml"
    job.write_text('name = "x"\ngraph.folder = "graph"\ntask.target = "films"\n')
    result = invoke("run", job, "--out", tmp_path / "run")
    assert result.exit_code == 130
    assert "the same command, without --fresh, goes on from here" in result.stderr


def test_an_interrupted_preparation_says_how_to_go_on(run, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("queries.preparing.prepare", interrupted)
    result = invoke("prepare", run)
    assert result.exit_code == 130
    assert "the same command, without --fresh, goes on from here" in result.stderr


def test_a_wrong_setting_is_one_line(tmp_path):
    job = tmp_path / "job.toml"
    job.write_text('name = "x"\ngraph.folder = "graph"\ntask.target = "films"\n')
    result = invoke("run", job, "--set", "training.epoch=3")
    assert result.exit_code == 1
    assert "unknown key 'training.epoch', did you mean \"epochs\"" in result.stderr
