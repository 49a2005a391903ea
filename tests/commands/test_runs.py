"""`isthmus runs`, from the command line."""

import json

import pytest
from typer.testing import CliRunner

from isthmus import app


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, seed in (("one", 0), ("two", 1)):
        run = tmp_path / "runs" / name
        run.mkdir(parents=True)
        task = {"target": "films", "sources": [], "protocols": ["warm"]}
        config = {"name": name, "seed": seed, "task": task, "training": {"epochs": 1}}
        (run / "config.json").write_text(json.dumps(config))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*arguments):
    return CliRunner().invoke(app, ["runs", *arguments])


def test_all_below_the_usual_folder(folder):
    done = invoke()

    assert done.exit_code == 0, done.output
    for told in ("runs/one", "runs/two", "all → films", "interrupted", "warm: not begun"):
        assert told in done.output


def test_as_json(folder):
    [one, two] = json.loads(invoke("--json").output)["runs"]

    assert (one["name"], one["seed"], one["state"]) == ("one", 0, "interrupted")
    assert two["protocols"][0]["protocol"] == "warm"
    found = json.loads(invoke("runs/one", "runs/two", "--json").output)
    assert found["differing"] == {"name": ["one", "two"], "seed": [0, 1]}


def test_side_by_side(folder):
    done = invoke("runs/one", "runs/two")

    assert done.exit_code == 0, done.output
    assert "settings that differ" in done.output
    assert "Paired tests: isthmus compare runs/one runs/two" in done.output


def test_no_such_folder_is_one_line(folder):
    done = invoke("elsewhere")

    assert done.exit_code == 1
    assert done.output.startswith("error: elsewhere is no folder")
    assert len(done.output.splitlines()) == 1
