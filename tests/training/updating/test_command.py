"""`isthmus update` at the command line."""

import json

import pytest
from typer.testing import CliRunner

import isthmus


@pytest.fixture
def call():
    """Run the command line; return the exit code, what it printed and what it complained of."""

    def run(*arguments):
        done = CliRunner().invoke(isthmus.app, [str(each) for each in arguments])
        return done.exit_code, done.stdout, done.stderr

    return run


def test_tables_in_a_run_and_a_sentence_out(call, run, arrivals, table):
    tables = arrivals()
    bad = table("bad", "src,dst", "user-01,nope", "nobody,nope")
    code, out, err = call(
        *("update", run, "--nodes", tables["nodes"][0], "--edges", tables["edges"][0]),
        *("--edges", bad),
    )
    assert code == 0, err
    assert "drift since training" in out
    assert "full retrain is due" in out
    assert "user-cold/checkpoints" in out
    assert f"rejected: {bad}, line 2: unknown item" in err
    report = json.loads((run / "updates" / "001" / "drift.json").read_text())
    assert report["sentence"] in out.replace("\n", " ")
    assert call("recommend", run, "--user", "new-user-0", "--domain", "films", "-k", 1)[0] == 0
    code, out, _ = call("update", run, "--edges", tables["edges"][0])
    assert (code, out) == (0, f"Nothing new: {run} stays as it is\n")


def test_mistakes_are_one_line(call, run, table):
    code, _, err = call("update", run)
    assert code == 1
    assert err == "error: nothing to add: give tables of new nodes or of new edges\n"
    bad = table("bad", "src,dst", "user-01,nope")
    code, _, err = call("update", run, "--edges", bad, "--strict")
    assert code == 1
    assert "line 2: unknown item" in err
    assert not (run / "updates").exists()
