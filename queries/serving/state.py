"""What all endpoints share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import Request
from starlette.responses import Response

from queries.serving import asks
from queries.serving.gather import Gatherer
from queries.serving.metrics import Metrics
from queries.serving.models import Models
from queries.serving.pool import Pool
from queries.serving.served import Served
from queries.serving.settings import ServeSettings

TOGETHER = 64  # users in one batch


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """The server: settings, the model that answers, threads, counters."""

    settings: ServeSettings
    models: Models
    metrics: Metrics
    pool: Pool
    ranked: Gatherer[asks.Wanted, int, list[dict[str, Any]]]

    @classmethod
    def of(cls, settings: ServeSettings, models: Models, metrics: Metrics) -> "State":
        """Put a server together."""
        pool = Pool(settings.threads, settings.queue)
        metrics.pending.set_function(lambda: pool.pending)

        async def rank(asked: asks.Wanted, users: Any) -> Any:
            metrics.batch.observe(len(users))
            return await pool.run(asks.recommend, asked, users)

        ranked = Gatherer(rank, most=TOGETHER, queue=settings.queue)
        return cls(settings=settings, models=models, metrics=metrics, pool=pool, ranked=ranked)


def state_of(request: Request) -> State:
    """Return the server that a request came to."""
    state: State = request.app.state.server
    return state


def unchanged(request: Request, served: Served) -> bool:
    """Return whether who asks has the answer of this model already."""
    if request.method != "GET":
        return False
    given = request.headers.get("if-none-match", "")
    tags = [one.strip().removeprefix("W/") for one in given.split(",")]
    return f'"{served.version}"' in tags


def answer(served: Served, value: dict[str, Any] | None) -> Response:
    """Return an answer of a model; None where who asks has it already."""
    headers = {"ETag": f'W/"{served.version}"', "Cache-Control": "private, no-cache"}
    if value is None:
        return Response(status_code=304, headers=headers)
    return Response(
        orjson.dumps({"model": served.version, **value}),
        headers=headers,
        media_type="application/json",
    )


async def computed(request: Request, ask: Callable[..., dict[str, Any]], *asked: Any) -> Response:
    """Put a question to the model that answers now, in a thread: `ask(served, *asked)`."""
    state = state_of(request)
    served = state.models.now
    if unchanged(request, served):
        return answer(served, None)
    return answer(served, await state.pool.run(ask, served, *asked))
