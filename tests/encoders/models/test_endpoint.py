"""Against a real server in a thread, which answers in any order and fails when it is told to."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from encoders import endpoint_client
from encoders.endpoint_client import EndpointError
from encoders.load import load_encoder
from encoders.models.endpoint import BATCH_TEXTS, EndpointEncoder
from encoders.models.hashing import HashingEncoder
from encoders.models.reading import CHARACTERS_PER_TOKEN
from kg.errors import ConfigError, InputError

Answer = tuple[int, dict[str, str], str]
Fails = Callable[[int, dict[str, Any]], Answer | None]

TEXTS = [f"item number {i} " + "and so on " * (i % 5) for i in range(100)]


class Server:
    """Vectors of the hashing encoder, not normalised, the last text first."""

    def __init__(self) -> None:
        self.fails: Fails = lambda count, body: None
        self.spoils: Callable[[dict[str, Any]], Any] = lambda answer: answer
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer._lock:
                    outer.bodies.append(body)
                    outer.keys.append(self.headers.get("Authorization"))
                    count = len(outer.bodies)
                failure = outer.fails(count, body) if self.path == "/v1/embeddings" else None
                if self.path != "/v1/embeddings":
                    failure = (404, {}, "no such path")
                status, headers, text = failure or (200, {}, json.dumps(outer._answer(body)))
                content = text.encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"

    def _answer(self, body: dict[str, Any]) -> Any:
        rows = HashingEncoder(dim=body.get("dimensions", 12)).encode(body["input"])
        data = [{"index": i, "embedding": (3 * row).tolist()} for i, row in enumerate(rows)]
        return self.spoils({"data": data[::-1], "model": "served-" + body["model"]})


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.http.shutdown()
    made.http.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []
    monkeypatch.setattr(endpoint_client, "_sleep", waits.append)
    return waits


def test_answers_are_in_the_order_of_the_questions(server: Server) -> None:
    encoder = load_encoder("m", endpoint=server.url + "/")
    assert isinstance(encoder, EndpointEncoder)
    found = encoder.encode(["", *TEXTS, TEXTS[0], "\ud800 x"])
    expected = HashingEncoder(dim=12).encode(["", *TEXTS, TEXTS[0], "\ufffd x"])
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.dtype == np.float32
    asked = [len(body["input"]) for body in server.bodies]
    assert max(asked) == BATCH_TEXTS
    assert sum(asked) == 1 + len(TEXTS) + 1  # the probe, and each distinct text once
    assert all("dimensions" not in body for body in server.bodies)


def test_dim_prompt_and_length(server: Server) -> None:
    encoder = load_encoder("m", endpoint=server.url, dim=7, prompt="passage: ", max_length=2)
    assert encoder.dim == 7
    encoder.encode(["x" * 1000])
    assert server.bodies[-1] == {
        "model": "m",
        "input": ["passage: " + "x" * 2 * CHARACTERS_PER_TOKEN],
        "encoding_format": "float",
        "dimensions": 7,
    }


def test_fingerprint_is_of_model_server_and_settings(server: Server) -> None:
    settings: list[dict[str, Any]] = [
        {},
        {"model": "n"},
        {"revision": "2"},
        {"dim": 7},
        {"prompt": "p"},
        {"max_length": 65},
    ]
    prints = [
        load_encoder(**{"model": "m", "endpoint": server.url} | s).fingerprint for s in settings
    ]
    assert len(set(prints)) == len(settings)
    assert load_encoder("m", endpoint=server.url).fingerprint == prints[0]
    server.spoils = lambda answer: {**answer, "model": "another"}
    assert load_encoder("m", endpoint=server.url).fingerprint not in prints


def test_a_busy_server_is_asked_again(server: Server, slept: list[float]) -> None:
    busy: dict[int, Answer] = {
        2: (429, {"Retry-After": "7"}, "slow down"),
        3: (503, {}, "loading"),
        4: (429, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, ""),
        5: (500, {"Retry-After": "soon"}, ""),
        6: (429, {"Retry-After": "1000000"}, ""),
    }
    server.fails = lambda count, body: busy.get(count)
    found = EndpointEncoder(server.url, "m").encode(["a", "b"])
    np.testing.assert_allclose(found, HashingEncoder(dim=12).encode(["a", "b"]), atol=1e-6)
    assert slept == [7, 2, 0, 8, 120]


def test_a_server_that_goes_on_failing(server: Server, slept: list[float]) -> None:
    server.fails = lambda count, body: (502, {}, "<h1>bad\n gateway</h1>")
    with pytest.raises(EndpointError, match=r"502: <h1>bad gateway</h1>; tried 6 times"):
        EndpointEncoder(server.url, "m").encode(["a"])
    assert slept == [1, 2, 4, 8, 16]


def test_nobody_there(slept: list[float]) -> None:
    with pytest.raises(EndpointError, match=r"127\.0\.0\.1:9.*cannot be reached"):
        EndpointEncoder("http://127.0.0.1:9/v1", "m").encode(["a"])
    assert len(slept) == 5


def test_a_refusal_is_quoted_in_one_line_and_not_repeated(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_KEY", "sk-secret")
    server.fails = lambda count, body: (400, {}, "bad\n\nkey sk-secret " + "x" * 1000)
    with pytest.raises(EndpointError, match=r"400: bad key \*\*\* x+…$") as error:
        EndpointEncoder(server.url, "m", key="THE_KEY").encode(["a"])
    assert "sk-secret" not in str(error.value)
    assert len(str(error.value)) < 300
    assert len(server.bodies) == 1
    assert server.keys == ["Bearer sk-secret"]


def test_no_key_is_sent_unless_asked(server: Server) -> None:
    EndpointEncoder(server.url, "m").encode(["a"])
    assert set(server.keys) == {None}
    with pytest.raises(ConfigError, match=r"'NO_SUCH_KEY'.*no such variable"):
        EndpointEncoder(server.url, "m", key="NO_SUCH_KEY")


@pytest.mark.parametrize("url", ["localhost:80/v1", "ftp://x/v1", "http://", "x"])
def test_no_url(url: str) -> None:
    with pytest.raises(ConfigError, match=r"expected a URL"):
        EndpointEncoder(url, "m")


def test_a_password_in_the_url_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigError, match=r"no password") as error:
        EndpointEncoder("http://me:secret@x/v1", "m")
    assert "secret" not in str(error.value)


def _changed(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    def spoil(answer: dict[str, Any]) -> Any:
        first, *rest = answer["data"]
        return {**answer, "data": [{**first, **changes}, *rest]}

    return spoil


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda answer: {**answer, "data": answer["data"][1:]}, "1 vectors to 2 texts"),
        (_changed(index=0), "2 vectors to 2 texts"),
        (_changed(embedding=[1.0] * 11), "of 11, 12 coordinates"),
        (_changed(embedding=[0.0] * 12), "zero or not finite to 'b'"),
        (_changed(embedding=[float("nan")] * 12), "zero or not finite"),
        (_changed(embedding=["x"] * 12), "no numbers"),
        (_changed(embedding="AAAA"), "of 0, 12 coordinates"),
        (lambda answer: {"error": "none"}, "without data"),
        (lambda answer: [], "without data"),
    ],
)
def test_a_wrong_answer_is_refused(server: Server, spoil: Any, message: str) -> None:
    encoder = EndpointEncoder(server.url, "m")
    assert encoder.dim == 12
    server.spoils = spoil
    with pytest.raises(InputError, match=message):
        encoder.encode(["a", "b"])


def test_no_json(server: Server) -> None:
    server.fails = lambda count, body: (200, {}, "<html>\nhello")
    with pytest.raises(EndpointError, match=r"no JSON: <html> hello"):
        EndpointEncoder(server.url, "m").encode(["a"])


def test_other_length_than_asked(server: Server) -> None:
    server.spoils = lambda answer: {
        **answer,
        "data": [{**entry, "embedding": [1.0] * 5} for entry in answer["data"]],
    }
    with pytest.raises(InputError, match=r"of 5 coordinates, expected 9"):
        EndpointEncoder(server.url, "m", dim=9).encode(["a"])
