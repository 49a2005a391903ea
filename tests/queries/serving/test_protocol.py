"""What comes over a socket, to a server that listens."""

import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial

import pytest
import uvicorn

from queries.serving.app import create_app
from queries.serving.protocol import LONGEST_HEAD, BoundedProtocol
from queries.serving.settings import ServeSettings

HOST = b"Host: localhost\r\n"
JSON = HOST + b"Content-Type: application/json\r\n"
CLOSE = b"Connection: close\r\n"
GET = b"GET /health HTTP/1.1\r\n" + HOST
POST = b"POST /recommend HTTP/1.1\r\n" + JSON


class Hasty(BoundedProtocol):
    seconds = 0.5


@pytest.fixture(scope="module")
def _kept() -> Iterator[tuple[ExitStack, list[tuple[str, int]]]]:
    with ExitStack() as stack:
        yield stack, []


@pytest.fixture
def server(request, _kept, tmp_path_factory) -> Callable[..., bytes]:
    """Return what sends bytes and returns all that comes back until the server closes."""
    stack, addresses = _kept
    if not addresses:
        folder = tmp_path_factory.mktemp("listening")
        shutil.copytree(request.getfixturevalue("run"), folder / "run")
        settings = {"added": folder / "added.jsonl", "watch": 0, "timeout": 0.5}
        addresses.append(_listen(stack, ServeSettings(run=folder / "run", **settings)))
    return partial(_send, addresses[0])


def _listen(stack: ExitStack, settings: ServeSettings) -> tuple[str, int]:
    listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    config = uvicorn.Config(
        create_app(settings), http=Hasty, ws="none", log_config=None, timeout_keep_alive=1
    )
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()

    def end() -> None:
        running.should_exit = True
        thread.join()

    stack.callback(end)
    return listening.getsockname()


def _send(address: tuple[str, int], *parts: bytes) -> bytes:
    heard = b""
    with socket.create_connection(address, timeout=10) as connection:
        with suppress(OSError):  # the server has heard enough
            for part in parts:
                connection.sendall(part)
                time.sleep(0.01)
        with suppress(OSError):
            while more := connection.recv(65_536):
                heard += more
    return heard


def test_a_question_is_answered(server):
    body = b'{"users": ["ada"]}'
    said = server(POST + CLOSE + b"Content-Length: %d\r\n\r\n" % len(body), body)
    assert said.startswith(b"HTTP/1.1 200")
    assert b'"answers"' in said


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /health?" + b"x" * 10_000_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", b"400"),
        (GET + b"X: " + b"x" * 10_000_000, b"400"),
        (GET + b"X: y\r\n" * 100_000, b"400"),
        (b"GET /health?" + b"x" * 9_000 + b" HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n", b"414"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),
        (b"hello\r\n\r\n", b"400"),
        (b"GET /health HTTP/9.9\r\n\r\n", b"400"),
        (b"GET /health HTTP/1.1\r\nHost: evil.example\r\n" + CLOSE + b"\r\n", b"400"),
        (b"GET /health HTTP/1.1\r\n" + CLOSE + b"\r\n", b"400"),
        (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
        (POST + b"Content-Length: 99\r\n" + CLOSE + b"\r\n{", b"408"),
    ],
)
def test_what_is_no_proper_request(server, sent, status):
    said = server(sent)
    assert said.split(b" ")[1] == status, said[:200]
    assert b"Traceback" not in said


def test_a_head_that_does_not_come_is_not_waited_for(server):
    began = time.monotonic()
    assert server(b"") == b""
    assert server(b"GET /health HTTP/1.1\r\nHo") == b""
    assert time.monotonic() - began < 5


def test_a_head_may_come_in_pieces(server):
    request = (
        b"GET /health HTTP/1.1\r\n" + HOST + b"Connection: close\r\nX: %s\r\n\r\n" % (b"x" * 99)
    )
    assert b"200 OK" in server(*(request[n : n + 40] for n in range(0, len(request), 40)))
    assert LONGEST_HEAD > 32_768
