"""JSON as it must be: no key twice, no NaN, no number without end, no endless depth."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from queries.serving.problems import Problem

MAX_DEPTH = 32
MAX_DIGITS = 30  # of an integer


def read_json(body: bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        Problem: it is not JSON (400), or is nested too deeply.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as wrong:
        raise Problem(400, f"the body is not UTF-8 at byte {wrong.start}") from None
    if _depth(text) > MAX_DEPTH:
        raise Problem(400, f"the body is nested more than {MAX_DEPTH} deep")
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse, parse_int=_whole)
    except json.JSONDecodeError as wrong:
        raise Problem(400, f"the body is not JSON: {wrong.msg} at {wrong.pos}") from None


class StrictRoute(APIRoute):
    """A route whose requests read their bodies by `read_json`, and must say that it is JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        answer = super().get_route_handler()

        async def strict(request: Request) -> Response:
            if request.method == "POST":
                kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
                if kind != "application/json":
                    raise Problem(415, "the body must be JSON: Content-Type: application/json")
                request = _StrictRequest(request.scope, request.receive)
            return await answer(request)

        return strict


class _StrictRequest(Request):
    async def json(self) -> Any:
        return read_json(await self.body())


def _depth(text: str) -> int:
    """Return at most how deep brackets are nested; those inside strings count too, where needed."""
    opened = text.count("[") + text.count("{")
    if opened <= MAX_DEPTH:
        return opened
    deepest = depth = 0
    inside = escaped = False
    for letter in text:
        if inside:
            inside = escaped or letter != '"'
            escaped = letter == "\\" and not escaped
        elif letter == '"':
            inside = True
        elif letter in "[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_DEPTH:
                break
        elif letter in "]}":
            depth -= 1
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Problem(400, f"the key {twice[:80]!r} is there twice")
    return found


def _refuse(constant: str) -> Any:
    raise Problem(400, f"{constant} is not JSON")


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise Problem(400, f"a number has {len(digits)} digits")
    return int(digits)
