import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

import isthmus
from kg.store import save_graph
from training.bundle import Bundle, save_bundle
from training.run_folder import RunFolder


def invoke(*arguments):
    return CliRunner().invoke(isthmus.app, [str(argument) for argument in arguments])


@pytest.fixture
def run(tmp_path, make_graph):
    """Two books and two authors; the model knows who wrote which."""
    graph = make_graph(
        [("ann", "emma"), ("ben", "dune")],
        {"emma": "books", "dune": "books", "arrakis": "books"},
        texts={"herbert": "Frank Herbert", "dune": "Dune"},
        entities={"person": ["austen", "herbert"]},
        relations={("item", "author", "person"): [("emma", "austen"), ("dune", "herbert")]},
    )
    z = {
        "item": np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32),  # arrakis, dune, emma
        "person": np.array([[0, 1], [1, 0]], dtype=np.float32),  # austen, herbert
        "user": np.eye(2, dtype=np.float32),
    }
    job = {
        "model": {"decoder": "dot", "knowledge_decoder": "dot"},
        "training": {"knowledge_weight": 0.01},
    }
    bundle = Bundle(
        z=z,
        item_bias=np.zeros(3, dtype=np.float32),
        weights={"knowledge_decoder.relation": np.ones((1, 2), dtype=np.float32)},
        about={"job": job, "relations": [["item", "author", "person"]]},
    )
    folder = RunFolder(tmp_path / "run")
    save_graph(graph, folder.graph)
    save_bundle(bundle, folder.task("user-cold").model, graph)
    return folder.path


def test_tails_of_a_head(run):
    result = invoke("predict", run, "--head", "arrakis", "--relation", "author", "-k", 1)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[1].split() == ["1", "Frank", "Herbert", "herbert", "1.000"]


def test_heads_of_a_tail_with_what_is_known(run):
    options = ("predict", run, "--tail", "herbert", "--relation", "author", "--include-known")
    rows = json.loads(invoke(*options, "--json").stdout)
    assert rows[0] == {
        **{"head": "arrakis", "relation": "author", "tail": "herbert"},
        **{"rank": 1, "title": "arrakis", "score": 1.0, "known": False},
    }
    assert rows[1]["known"] is True
    assert "known" in invoke(*options).stdout.splitlines()[2]


def test_one_triple(run):
    options = ("predict", run, "--head", "dune", "--relation", "author", "--tail", "herbert")
    assert invoke(*options).stdout == "dune —author→ herbert: 1.000, known\n"
    found = json.loads(invoke(*options, "--json").stdout)
    assert (found["score"], found["known"]) == (1.0, True)


def test_many_heads(run, tmp_path):
    asked, out = tmp_path / "heads.txt", tmp_path / "answers.csv"
    asked.write_text("arrakis\nnobody\n")
    options = ("predict", run, "--heads", asked, "--relation", "author", "--out", out)
    assert "line 2" in invoke(*options).stderr
    result = invoke(*options, "--skip-unknown", "-k", 1)
    assert result.stdout == f"2 asked, 1 unknown: {out}\n"
    with out.open(newline="") as file:
        assert [row["tail"] for row in csv.DictReader(file)] == ["herbert"]


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--head", "dune", "--heads", "x.csv", "--out", "y.csv"),
        ("--heads", "x.csv"),
        ("--heads", "x.csv", "--tails", "y.csv", "--out", "z.csv"),
        ("--head", "dune", "--out", "y.csv"),
    ],
)
def test_what_is_asked_must_be_clear(run, options):
    result = invoke("predict", run, "--relation", "author", *options)
    assert result.exit_code == 1
    assert "give --head ID, --tail ID or both" in result.stderr


def test_no_torch_is_needed(run):
    code = (
        "import sys\n"
        "from queries.links import LinkPredictor\n"
        f"LinkPredictor.open({str(run)!r}).tails('arrakis', 'author')\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_model_of_triples_is_kept_and_asked(tmp_path):
    lines = [
        f"<http://x/p{a}> <http://x/next> <http://x/p{b}> ."
        for a in range(30)
        for b in range(a // 5 * 5, a // 5 * 5 + 5)
        if a != b
    ]
    source, model = tmp_path / "facts.nt", tmp_path / "model"
    source.write_text("\n".join(lines) + "\n")
    small = ("--set", "width=8", "--set", "epochs=5", "--set", "batch_size=32")
    result = invoke("triples", source, "--out", tmp_path / "links.json", "--model", model, *small)
    assert result.stdout.endswith(f"Model: {model}\n"), result.output

    options = ("--head", "http://x/p7", "--relation", "next", "--include-known", "--json")
    rows = json.loads(invoke("predict", model, *options).stdout)
    assert len(rows) == 10
    assert sum(row["known"] for row in rows) <= 4
