import asyncio
import threading
import time

import pytest

from queries.serving import asks, guard
from queries.serving.guard import LONGEST_URL

KEY = "s3cret-ключ"


@pytest.fixture
def locked(serve, monkeypatch):
    monkeypatch.setenv("THE_KEY", KEY)
    return serve(api_key_env="THE_KEY")


def test_every_answer_has_safe_headers_and_none_for_other_origins(client):
    for path in ("/", "/docs", "/health", "/about", "/nowhere", "/recommend"):
        headers = client.get(path, headers={"Origin": "http://elsewhere.example"}).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


def test_other_origins_where_they_are_named(serve):
    client = serve(origins=("http://shop.example",))
    ask = {"Origin": "http://shop.example", "Access-Control-Request-Method": "POST"}
    assert client.options("/recommend", headers=ask).status_code == 200
    reply = client.get("/about", headers={"Origin": "http://shop.example"})
    assert reply.headers["access-control-allow-origin"] == "http://shop.example"
    other = client.get("/about", headers={"Origin": "http://bad.example"})
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize("wrong", [None, "", "s3cret", KEY + "x", "x" * 20_000, "\xff"])
def test_the_key_is_asked_for(locked, wrong):
    headers = {} if wrong is None else {"X-API-Key": wrong.encode()}
    reply = locked.get("/about", headers=headers)
    assert reply.status_code == 401
    assert reply.json() == {"error": "the API key is missing or wrong"}


@pytest.mark.parametrize("given", ["", "k", KEY[:-1] + "?", KEY])
def test_a_key_is_compared_in_constant_time(locked, monkeypatch, given):
    compared = []

    def spy(one, other):
        compared.append((one, other))
        return False  # whatever it is: nothing else may decide

    monkeypatch.setattr(guard.hmac, "compare_digest", spy)
    reply = locked.get("/about", headers={"X-API-Key": given.encode()})
    assert reply.status_code == 401
    assert compared == [(given.encode(), KEY.encode())]


def test_the_key_opens_and_some_pages_need_none(locked):
    assert locked.get("/about", headers={"X-API-Key": KEY.encode()}).status_code == 200
    bearer = {"Authorization": f"Bearer {KEY}".encode()}
    assert locked.get("/metrics", headers=bearer).status_code == 200
    for path in ("/health", "/", "/docs", "/openapi.json"):
        assert locked.get(path).status_code == 200
    assert locked.post("/recommend", json={"users": ["ada"]}).status_code == 401


def test_other_names_of_the_server_are_refused(client):
    for name in ("evil.example", "127.0.0.1.evil.example", "", "localhost.evil.example:80"):
        reply = client.get("/about", headers={"Host": name})
        assert reply.status_code == 400, name
    for name in ("localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST"):
        assert client.get("/about", headers={"Host": name}).status_code == 200, name


def test_names_that_are_allowed(serve):
    client = serve(allowed_hosts=("Shop.example",))
    assert client.get("/about", headers={"Host": "shop.example"}).status_code == 200
    assert client.get("/about").status_code == 400


def test_sizes_are_bounded(serve):
    client = serve(max_body=1_000)
    assert client.get("/search", params={"q": "x" * LONGEST_URL}).status_code == 414
    assert client.get("/about", headers={"X": "x" * 40_000}).status_code == 431
    body = b'{"users": ["' + b"x" * 2_000 + b'"]}'
    json = {"Content-Type": "application/json"}
    said = client.post("/recommend", content=body, headers=json)
    assert said.status_code == 413
    assert list(said.json()) == ["error"]
    unsaid = client.post("/recommend", content=iter([body[:900], body[900:]]), headers=json)
    assert unsaid.status_code == 413
    assert list(unsaid.json()) == ["error"]


def test_a_late_answer_is_given_up(serve, monkeypatch):
    client = serve(timeout=0.05)
    monkeypatch.setattr(asks, "score", lambda *_: time.sleep(0.3))
    reply = client.get("/predict", params={"user": "ada", "item": "f1"})
    assert reply.status_code == 504
    assert reply.json() == {"error": "no answer within 0.05 seconds"}
    assert client.get("/health").status_code == 200


def test_too_much_work_is_refused_and_the_rest_is_done(serve, monkeypatch):
    client = serve(queue=2, threads=1)
    go_on = threading.Event()
    monkeypatch.setattr(asks, "score", lambda *_: [go_on.wait(5)])
    app = client.app

    async def ask():
        from httpx2 import ASGITransport, AsyncClient

        async with AsyncClient(transport=ASGITransport(app), base_url="http://127.0.0.1") as others:
            first = [asyncio.create_task(others.get("/predict?user=ada&item=f1")) for _ in range(2)]
            await asyncio.sleep(0.05)
            refused = await others.get("/predict?user=ada&item=f1")
            assert refused.status_code == 429
            assert refused.headers["retry-after"] == "1"
            assert (await others.get("/health")).status_code == 200
            go_on.set()
            assert [reply.status_code for reply in await asyncio.gather(*first)] == [200, 200]

    asyncio.run(ask())


def test_a_defect_is_one_line_without_its_cause(serve, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("secret of the inside")

    client = serve()
    monkeypatch.setattr(asks, "score", broken)
    reply = client.get("/predict", params={"user": "ada", "item": "f1"})
    assert reply.status_code == 500
    assert reply.json() == {"error": "internal error"}
    assert "secret of the inside" in caplog.text  # who runs the server sees it


def test_other_methods_and_places(client):
    assert client.put("/recommend", json={}).status_code == 405
    assert client.delete("/about").json() == {"error": "Method Not Allowed"}
    assert client.get("/../../etc/passwd").status_code == 404
    assert client.get("/page/..%2f..%2fsettings.py").status_code == 404
    assert client.get("/page/%2e%2e/app.py").status_code == 404
    assert client.post("/recommend", content="x", headers={}).status_code == 415
