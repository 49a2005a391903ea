"""The server as an ASGI app."""

import asyncio
import logging
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.cors import CORSMiddleware

from queries.serving import answering, lookups, upkeep
from queries.serving.guard import Guard
from queries.serving.journal import Journal
from queries.serving.metrics import Metrics
from queries.serving.models import Models, watch
from queries.serving.pages import add_pages
from queries.serving.problems import handle_problems
from queries.serving.process import steady
from queries.serving.replies import WRONG
from queries.serving.served import read_a_text
from queries.serving.settings import ServeSettings
from queries.serving.state import State

logger = logging.getLogger("isthmus.serve")
ABOUT = "Recommendations across domains, from a trained model. Ids are those of the imported data."


def create_app(settings: ServeSettings) -> FastAPI:
    """Open the run and return the app that answers for it.

    Args:
        settings: `added` must name a file.

    Raises:
        IsthmusError: the run cannot be opened.
    """
    if settings.added is None:
        raise ValueError("settings.added names no file")
    metrics = Metrics()
    models = Models(settings, Journal(settings.added))
    metrics.show(models.now.since, models.now.added)
    state = State.of(settings, models, metrics)
    app = FastAPI(
        title="Isthmus",
        description=ABOUT,
        version=version("isthmus"),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=partial(_life, state),
        responses=WRONG,
    )
    app.state.server = state
    paths = set()
    for router in (answering.router, lookups.router, upkeep.router):
        app.include_router(router)
        paths |= {route.path for route in router.routes if isinstance(route, APIRoute)}
    add_pages(app)
    handle_problems(app)
    app.add_middleware(Guard, settings=settings, metrics=metrics, paths=paths)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key"],
            expose_headers=["ETag", "Retry-After"],
        )
    return app


def from_environment() -> FastAPI:
    """Return the app of a worker process."""
    app = create_app(ServeSettings.handed_down())
    steady()
    return app


@asynccontextmanager
async def _life(state: State, app: FastAPI) -> AsyncIterator[None]:
    """Look for new models while the server runs."""
    reload = partial(upkeep.reload_now, state, follow=True)
    tasks: set[asyncio.Task[None]] = set()
    if state.settings.watch:
        tasks.add(asyncio.create_task(watch(state.models, state.settings.watch, reload)))
    if state.settings.warm:
        tasks.add(asyncio.create_task(asyncio.to_thread(read_a_text, state.models.now)))
    loop = asyncio.get_running_loop()
    by_signal = hasattr(signal, "SIGHUP") and (
        threading.current_thread() is threading.main_thread()
    )
    if by_signal:

        def hung_up() -> None:
            task = loop.create_task(_reload_logged(state))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        loop.add_signal_handler(signal.SIGHUP, hung_up)
    try:
        yield
    finally:
        if by_signal:
            loop.remove_signal_handler(signal.SIGHUP)
        for task in tasks:
            task.cancel()
        state.pool.close()


async def _reload_logged(state: State) -> None:
    try:
        await upkeep.reload_now(state)
    except (OSError, ValueError) as error:
        logger.warning("the model is not replaced: %s", error)
