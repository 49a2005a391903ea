"""Endpoints for who runs the server: health, metrics, another model."""

import asyncio
import ipaddress
import logging

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from kg.errors import IsthmusError
from queries.serving import replies
from queries.serving.bodies import Add
from queries.serving.metrics import CONTENT_TYPE
from queries.serving.problems import Problem
from queries.serving.process import replaced
from queries.serving.state import State, answer, state_of
from queries.serving.strict import StrictRoute

logger = logging.getLogger("isthmus.serve")
router = APIRouter(route_class=StrictRoute, tags=["upkeep"])
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


@router.get("/health", responses={200: {"model": replies.Health}})
async def health(request: Request) -> Response:
    """Say that the server answers, and with which model."""
    served = state_of(request).models.now
    value = {"status": "ok", "model": served.version, "since": served.since}
    return Response(
        orjson.dumps(value), headers={"Cache-Control": "no-store"}, media_type="application/json"
    )


@router.get(
    "/metrics",
    responses={200: {"content": {"text/plain": {}}, "description": "Counters, for Prometheus."}},
)
async def metrics(request: Request) -> Response:
    """Show counters, for Prometheus."""
    return Response(state_of(request).metrics.text(), headers={"Content-Type": CONTENT_TYPE})


@router.post("/nodes", responses={200: {"model": replies.Added}, 409: replies.FULL})
async def nodes(body: Add, request: Request) -> Response:
    """Add nodes that the graph does not have; they can be asked for at once.

    Nothing that was there changes. Where several processes serve, the others follow a moment later.
    """
    state = state_of(request)
    served = await state.pool.run(state.models.add, body)
    state.metrics.show(served.since, served.added)
    value = {"nodes": len(body.nodes), "edges": len(body.edges)}
    return answer(served, value)


@router.post("/reload", responses={200: {"model": replies.Reloaded}})
async def reload(request: Request) -> Response:
    """Open what the run folder holds now; only from the machine itself, and through no proxy."""
    if not _from_here(request):
        raise Problem(403, "a model is reloaded from the machine of the server only")
    state = state_of(request)
    before = state.models.now.version
    try:
        await reload_now(state)
    except (IsthmusError, OSError) as error:
        raise Problem(503, f"the model is not replaced: {error}") from None
    now = state.models.now.version
    return Response(
        orjson.dumps({"model": now, "changed": now != before}), media_type="application/json"
    )


async def reload_now(state: State, follow: bool = False) -> None:
    """Open what the run folder holds now, beside the threads that answer.

    Args:
        state: the server.
        follow: open it only where it has changed, and add what other processes have added.

    Raises:
        IsthmusError: it cannot be opened; the old model goes on.
    """
    models = state.models
    before = models.now
    try:
        served = await asyncio.to_thread(models.follow if follow else models.reload)
    except (IsthmusError, OSError):
        state.metrics.reloads.labels("failed").inc()
        raise
    if served is not before:
        del before
        await asyncio.to_thread(replaced)
        state.metrics.reloads.labels("done").inc()
        state.metrics.show(served.since, served.added)
        logger.info("model %s answers", served.version)


def _from_here(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
