"""A server of the small run, asked without a network."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

pytest.importorskip("fastapi")

from starlette.testclient import TestClient

from queries.serving.app import create_app
from queries.serving.settings import ServeSettings

Serve = Callable[..., TestClient]


def _client(stack: ExitStack, **settings) -> TestClient:
    app = create_app(ServeSettings(watch=0, **settings))
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
