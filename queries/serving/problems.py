"""What is answered instead of an answer: one line of JSON, and never a traceback."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi import HTTPException as FastAPIError
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from kg.errors import ArtefactError, IsthmusError, UnknownIdError

logger = logging.getLogger("isthmus.serve")
LONGEST = 500  # characters of a message


class Problem(FastAPIError):
    """An answer with an error status; the detail is the line that is shown."""

    def __init__(self, status: int, line: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, line, dict(headers or {}))


class Busy(Problem):
    """Too much waits already."""

    def __init__(self) -> None:
        super().__init__(
            429, "too many questions wait; ask again in a second", {"Retry-After": "1"}
        )


def error(status: int, line: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer that says what is wrong."""
    line = " ".join(line.split())
    if len(line) > LONGEST:
        line = line[: LONGEST - 1] + "…"
    # What cannot be encoded was part of a request; it is shown by its code.
    line = line.encode("utf-8", "backslashreplace").decode("utf-8")
    return Response(
        orjson.dumps({"error": line}), status, dict(headers or {}), media_type="application/json"
    )


def handle_problems(app: FastAPI) -> None:
    """Let an app answer every error as one line."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(IsthmusError, _refused)


async def _http(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    return error(problem.status_code, str(problem.detail), problem.headers)


async def _invalid(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, RequestValidationError)
    first: Mapping[str, Any] = problem.errors()[0]
    if first["type"] == "json_invalid":
        return error(400, f"the body is not JSON: {first.get('ctx', {}).get('error', '')}")
    return error(422, f"{_place(first['loc'])}: {first['msg']}")


async def _refused(request: Request, problem: Exception) -> Response:
    if isinstance(problem, ArtefactError):
        logger.error("%s", problem)
        return error(503, "the model cannot answer this now")
    return error(404 if isinstance(problem, UnknownIdError) else 422, str(problem))


def _place(location: Sequence[Any]) -> str:
    """Return where in a request something is wrong: `body.users.0` is `users.0`."""
    inner = [str(part) for part in location if part not in ("body", "query")]
    return ".".join(inner) or "body"
