"""What the description of the API allows, and what it does not: the server has an answer to it."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from queries.serving.app import create_app
from queries.serving.settings import ServeSettings

load_all_checks()
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 20  # of each operation, right ones and wrong ones


@pytest.fixture(scope="module")
def app(trained, tmp_path_factory):
    added = tmp_path_factory.mktemp("asked") / "added.jsonl"
    names = ("localhost", "127.0.0.1", "testserver")
    app = create_app(ServeSettings(run=trained, added=added, watch=0, allowed_hosts=names))

    async def always_on(scope, receive, send):
        """Answer; every client would begin and end the life of the app, which has but one."""
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        for phase in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{phase}.complete"})

    yield always_on
    app.state.server.pool.close()


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_answer_is_one_that_is_described(app, mode):
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= 15
    quick = settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    asked = 0
    for operation in operations:
        if operation.path in ("/health", "/metrics", "/about", "/reload") and mode.is_negative:
            continue  # there is nothing to be wrong

        @quick
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case):
            nonlocal asked
            asked += 1
            case.call_and_validate(checks=CHECKS)

        ask()
    assert asked >= len(operations)
