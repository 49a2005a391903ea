"""A chat endpoint on this machine."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


class Endpoint:
    """Plays a chat endpoint: says what `answer(body)` returns, and notes what was asked."""

    def __init__(self) -> None:
        self.answer: Callable[[dict[str, Any]], str] = lambda body: "Hello."
        self.bodies: list[str] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
                endpoint.bodies.append(f"{self.path} {self.headers} {raw}")
                content = endpoint.answer(json.loads(raw))
                reply = json.dumps(
                    {
                        "choices": [{"message": {"role": "assistant", "content": content}}],
                        "usage": {"prompt_tokens": 7, "completion_tokens": 5},
                    }
                ).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"


@pytest.fixture(scope="module")
def _endpoint() -> Iterator[Endpoint]:
    played = Endpoint()
    thread = threading.Thread(target=played.server.serve_forever, args=(0.01,))
    thread.start()
    yield played
    played.server.shutdown()
    thread.join()
    played.server.server_close()


@pytest.fixture
def endpoint(_endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    monkeypatch.setenv("NO_PROXY", "*")
    _endpoint.bodies.clear()
    return _endpoint
