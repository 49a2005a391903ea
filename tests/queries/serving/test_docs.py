"""docs/serving.md says what the server does, and its examples work."""

import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import typer.main

import isthmus
from queries.serving.settings import ServeSettings
from training.config import load_job
from training.jobs import run_job
from training.run_folder import RunFolder

ROOT = Path(isthmus.__file__).parent
TEXT = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "books-and-films"
QUICK = (
    "encoder.model=hashing",
    'task.protocols=["user-cold"]',
    "ranking.folds=0",
    "evaluation.bootstrap=10",
    "evaluation.floors=false",
)


def _examples():
    for block in re.findall(r"```sh\n(.*?)```", TEXT, flags=re.DOTALL):
        for command in re.split(r"^curl ", block, flags=re.MULTILINE)[1:]:
            yield shlex.split(command.replace("\\\n", " "))


def _names(pattern):
    return set(re.findall(pattern, TEXT, flags=re.MULTILINE))


def test_every_endpoint_is_described_and_has_an_example(client):
    paths = set(client.app.openapi()["paths"])
    described = {path for row in _names(r"^\| (`(?:GET|POST).*?) \|") for path in _paths(row)}
    assert described == paths
    asked = {path.removeprefix("$URL") for words in _examples() for path in _urls(words)}
    assert asked == paths - {"/health", "/metrics"}


def _paths(row):
    return re.findall(r"(/[a-z]+)`", row)


def _urls(words):
    return [urlsplit(word).path for word in words if word.startswith("$URL")]


def test_every_option_is_described_with_its_default():
    command = typer.main.get_command(isthmus.app).commands["serve"]
    options = {name for one in command.params for name in one.opts if name.startswith("--")}
    assert _names(r"`(--[a-z-]+)`") - {"--added FILE"} >= options - {"--help"}
    defaults = ServeSettings(run=Path("r"))
    for name in ("workers", "threads", "queue", "timeout", "max_body", "watch"):
        option = "--" + name.replace("_", "-")
        assert re.search(rf"^\| `{option}` \| {getattr(defaults, name):.0f} \|", TEXT, re.MULTILINE)


def test_every_metric_is_described(client):
    shown = set(re.findall(r"^# TYPE (\w+)", client.get("/metrics").text, flags=re.MULTILINE))
    described = _names(r"^\| `(isthmus_\w+)` \|")
    assert described == shown


def test_every_status_is_described(client):
    listed = {int(one) for row in _names(r"^\| ([0-9, ]+) \|") for one in row.split(",")}
    said = {
        int(status)
        for path in client.app.openapi()["paths"].values()
        for operation in path.values()
        for status in operation["responses"]
    }
    assert said - {200} <= listed


@pytest.mark.slow
def test_the_examples_work(tmp_path, serve):
    run = RunFolder(tmp_path / "example")
    run_job(load_job(EXAMPLE / "job.toml", QUICK), run)
    client = serve(run=run.path)
    for words in _examples():
        url = next(word for word in words if word.startswith("$URL")).removeprefix("$URL")
        headers = dict(words[at + 1].split(": ") for at, word in enumerate(words) if word == "-H")
        data = words[words.index("-d") + 1] if "-d" in words else None
        method = "POST" if data is not None or "-X" in words else "GET"
        reply = client.request(method, url, content=data, headers=headers)
        assert reply.status_code == 200, (words, reply.text)
        assert reply.json()["model"]
