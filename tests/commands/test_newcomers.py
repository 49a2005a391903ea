"""Options of newcomers that do not fit together, or a model that cannot take any."""

import numpy as np
import pytest
from typer.testing import CliRunner

import isthmus
from kg.store import save_graph
from training.bundle import Bundle, save_bundle
from training.run_folder import RunFolder


@pytest.fixture(scope="module")
def run(tmp_path_factory, make_graph):
    graph = make_graph([("ann", "b1"), ("you", "f1")], {"b1": "books", "f1": "films"})
    rng = np.random.default_rng(0)
    z = {kind: rng.normal(size=(len(n), 4)).astype(np.float32) for kind, n in graph.nodes.items()}
    bundle = Bundle(z=z, item_bias=np.zeros(2, np.float32), weights={}, about={})
    folder = RunFolder(tmp_path_factory.mktemp("newcomers") / "run")
    save_graph(graph, folder.graph)
    save_bundle(bundle, folder.task("warm").model, graph)
    return folder.path


def refused(*arguments):
    result = CliRunner().invoke(isthmus.app, [str(argument) for argument in arguments])
    assert result.exit_code != 0
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert len(lines) == 1
    return lines[0]


def test_one_is_asked_about(run):
    ask = ("recommend", run, "--domain", "films")
    for more in ((), ("--user", "ann", "--likes", "b1"), ("--text", "war", "--out", "a.csv")):
        assert "give one of --user ID, --likes" in refused(*ask, *more)
    assert "nothing is known of somebody new" in refused(*ask, "--likes", " ")
    assert "unknown item id 'b2'" in refused(*ask, "--likes", "b1,b2")
    assert "give either --id ID or --text TEXT" in refused("similar", run)
    assert "give either --id ID" in refused("similar", run, "--id", "b1", "--text", "war")
    assert "leave --type away" in refused("similar", run, "--text", "war", "--type", "user")
    assert "the text of a new item is blank" in refused("similar", run, "--text", " ")


def test_tables(run, tmp_path):
    nodes, edges = tmp_path / "nodes.csv", tmp_path / "edges.csv"
    ask = ("recommend", run, "--domain", "films", "--user", "zed", "--new-nodes", nodes)
    assert "no such file" in refused(*ask)
    nodes.write_text("id\nann\n", encoding="utf-8")
    assert "line 2: user 'ann' is in the graph already" in refused(*ask)
    nodes.write_text("id\nzed\n", encoding="utf-8")
    edges.write_text("src,dst\nzed,b9\n", encoding="utf-8")
    assert "line 2: unknown item id 'b9'" in refused(*ask, "--new-edges", edges)
    assert "--new-edges needs --new-nodes" in refused(*ask[:-2], "--new-edges", edges)


def test_a_model_without_weights(run):
    message = refused("recommend", run, "--domain", "films", "--likes", "b1")
    assert "newcomers need a model with weights and settings" in message
