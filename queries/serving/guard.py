"""What every request meets first, and every answer last: limits, the key, headers, counting."""

import asyncio
import hmac
import logging
import time
from collections.abc import Callable, Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from queries.serving.metrics import Metrics
from queries.serving.problems import Problem, error
from queries.serving.settings import ServeSettings

logger = logging.getLogger("isthmus.serve")
LONGEST_URL = 8_192  # bytes
LONGEST_HEAD = 32_768
# What a load balancer, a browser that opens the page, and a reader of the documentation ask first.
OPEN_PATHS = frozenset({"/", "/health", "/docs", "/openapi.json"})
PAGE_PATHS = "/page/"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
SAFE = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", POLICY.encode()),
]


class Guard:
    """Middleware around the whole app (ASGI).

    Args:
        app: what answers.
        settings: its limits.
        metrics: where requests are counted.
        paths: those that are counted under their own name.
    """

    def __init__(
        self, app: ASGIApp, settings: ServeSettings, metrics: Metrics, paths: Iterable[str]
    ) -> None:
        self.app, self.metrics = app, metrics
        self.timeout, self.hosts = settings.timeout, settings.hosts
        self.max_body = settings.max_body
        key = settings.api_key
        self.key = None if key is None else key.encode()
        self.paths = frozenset(paths)
        self.safe = [
            (name, value)
            for name, value in SAFE
            if not (settings.origins and name == b"cross-origin-resource-policy")
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *self.safe]
            await send(message)

        self.metrics.in_flight.inc()
        try:
            await self._answer(scope, receive, watched, lambda: status != 0)
        finally:
            path = scope["path"] if scope["path"] in self.paths else "other"
            self.metrics.in_flight.dec()
            self.metrics.requests.labels(path, str(status)).inc()
            self.metrics.seconds.labels(path).observe(time.perf_counter() - began)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, begun: Callable[[], bool]
    ) -> None:
        read, size = False, 0

        async def counted() -> Message:
            nonlocal read, size
            message = await receive()
            read = not message.get("more_body", False)
            size += len(message.get("body", b""))
            if size > self.max_body:
                raise self._too_large()
            return message

        try:
            self._check(scope)
            async with asyncio.timeout(self.timeout):
                await self.app(scope, counted, send)
            return
        except Problem as problem:
            answer = error(problem.status_code, problem.detail, problem.headers)
        except TimeoutError:
            late = f"no answer within {self.timeout:g} seconds"
            sent = scope["method"] == "POST" and not read
            answer = error(408, "the body did not come") if sent else error(504, late)
        except Exception:
            logger.exception("an answer failed: %s %s", scope["method"], scope["path"])
            answer = error(500, "internal error")
        if not begun():
            await answer(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        """Refuse what must not reach the app.

        Raises:
            Problem: it is refused.
        """
        if len(scope["raw_path"]) + len(scope["query_string"]) > LONGEST_URL:
            raise Problem(414, f"the address is longer than {LONGEST_URL} bytes")
        head = scope["headers"]
        if sum(len(name) + len(value) for name, value in head) > LONGEST_HEAD:
            raise Problem(431, f"the headers are longer than {LONGEST_HEAD} bytes")
        headers = dict(head)
        if self.hosts and _name(headers.get(b"host", b"")) not in self.hosts:
            raise Problem(400, "the server does not answer under this name (--allow-host)")
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length[:20]) > self.max_body:
            raise self._too_large()
        path = scope["path"]
        if self.key is None or path in OPEN_PATHS or path.startswith(PAGE_PATHS):
            return
        given = headers.get(b"x-api-key") or headers.get(b"authorization", b"").removeprefix(
            b"Bearer "
        )
        if not hmac.compare_digest(given, self.key):
            raise Problem(401, "the API key is missing or wrong", {"WWW-Authenticate": "Bearer"})

    def _too_large(self) -> Problem:
        return Problem(413, f"the body is larger than {self.max_body} bytes")


def _name(host: bytes) -> str:
    """Return the name in a `Host` header, without the port."""
    name = host.decode("latin-1").lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0]
