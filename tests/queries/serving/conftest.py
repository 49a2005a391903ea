"""A server of the small run, asked without a network."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

from starlette.testclient import TestClient

from encoders.neighbours.edges import TextEdgeConfig
from encoders.settings import EncoderConfig
from queries.serving.app import create_app
from queries.serving.settings import ServeSettings
from training.config import (
    EvaluationConfig,
    GraphConfig,
    JobConfig,
    ModelConfig,
    TaskConfig,
    TrainingConfig,
)
from training.jobs import run_job
from training.run_folder import RunFolder

MAPPING = """
[[nodes]]
file = "items.csv"
type = "item"
id = "id"
domain_column = "domain"
text = "title"
attributes = { year = "number" }

[[edges]]
file = "items.csv"
relation = "author"
src = { type = "item", column = "id" }
dst = { type = "person", column = "author", create = true }

[[edges]]
file = "likes.csv"
relation = "interacts"
src = { type = "user", column = "user", create = true }
dst = { type = "item", column = "item" }
"""

Serve = Callable[..., TestClient]


def _client(stack: ExitStack, **settings) -> TestClient:
    app = create_app(ServeSettings(**{"watch": 0, **settings}))
    return stack.enter_context(TestClient(app, "http://127.0.0.1", client=("127.0.0.1", 5_000)))


@pytest.fixture
def serve(run, tmp_path) -> Iterator[Serve]:
    """Return the factory of clients of a server: `serve(timeout=0.1)`."""
    with ExitStack() as stack:
        yield lambda **changed: _client(
            stack, **{"run": run, "added": tmp_path / "added.jsonl", **changed}
        )


@pytest.fixture(scope="session")
def _shared() -> Iterator[tuple[ExitStack, list[TestClient]]]:
    with ExitStack() as stack:
        yield stack, []


@pytest.fixture
def client(request, _shared, tmp_path_factory) -> TestClient:
    """Return the client of a server that nobody changes: one for all tests, as it takes long."""
    stack, clients = _shared
    if not clients:
        folder = tmp_path_factory.mktemp("served")
        shutil.copytree(request.getfixturevalue("run"), folder / "run")
        clients.append(_client(stack, run=folder / "run", added=folder / "added.jsonl"))
    return clients[0]


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """Return a run that a job has made: even users like even books and films, odd ones odd."""
    folder = tmp_path_factory.mktemp("trained")
    items = [(domain, number) for domain in ("books", "films") for number in range(12)]
    lines = [
        f"{domain}-{number:02d},{domain},The {domain} called {number},{1990 + number},a{number % 3}"
        for domain, number in items
    ]
    (folder / "items.csv").write_text("\n".join(["id,domain,title,year,author", *lines]))
    likes = [
        f"user-{user:02d},{domain}-{number:02d}"
        for user in range(24)
        for domain, number in items
        if number % 2 == user % 2 and (user + number) % 5
    ]
    (folder / "likes.csv").write_text("\n".join(["user,item", *likes]))
    (folder / "graph.toml").write_text(MAPPING)
    job = JobConfig(
        name="tiny",
        graph=GraphConfig(mapping=folder / "graph.toml"),
        task=TaskConfig(
            target="films", valid_fraction=0.2, test_fraction=0.2, protocols=("user-cold",)
        ),
        encoder=EncoderConfig(model="hashing", dim=16, cache=folder / "cache"),
        neighbours=TextEdgeConfig(k=3),
        model=ModelConfig(width=8, text_width=4),
        training=TrainingConfig(epochs=1, negatives=8, device="cpu"),
        evaluation=EvaluationConfig(k=(5,), sampled_negatives=4, bootstrap=20),
    )
    run_job(job, RunFolder(folder / "run"))
    return folder / "run"
