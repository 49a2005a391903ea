import time

import pytest

from queries.newcomers import Newcomers
from queries.recommender import Recommender

NEW = {
    "nodes": [
        {
            "type": "item",
            "id": "films-new",
            "title": "The films called 2 again",
            "text": "The films called 2 again",
            "domains": ["films"],
            "attributes": {"year": 2001},
        },
        {"type": "user", "id": "user-new"},
    ],
    "edges": [
        {"src": "user-new", "dst": "books-02"},
        {"src": "user-new", "dst": "books-04"},
        {"relation": "author", "src": "films-new", "dst": "a2"},
    ],
}


def ids(reply):
    assert reply.status_code == 200, reply.text
    return [item["id"] for item in reply.json()["answers"][0]["items"]]


@pytest.fixture
def client(serve, trained):
    return serve(run=trained)


def test_somebody_new_gets_what_suits_their_likes(client):
    even = ids(client.post("/recommend", json={"likes": ["books-02", "books-04"], "k": 4}))
    assert len(even) == 4
    assert sum(int(item[-2:]) % 2 == 0 for item in even) >= 3
    assert client.get("/about").json()["added"] == 0  # nobody stays who only asked
    reply = client.post("/recommend", json={"likes": ["books-99"]})
    assert reply.status_code == 404


def test_likes_and_a_text_are_of_one_person(client):
    liked = {"likes": ["books-02", "books-04"], "k": 4}
    both = client.post("/recommend", json={**liked, "text": "The films called 3"})
    assert len(ids(both)) == 4


def test_the_encoder_is_open_before_the_first_text(serve, trained):
    client = serve(run=trained, warm=True)
    ground = client.app.state.server.models.now.recommender.opened.ground
    deadline = time.monotonic() + 20
    while "encoder" not in vars(ground) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "encoder" in vars(ground)
    assert client.get("/about").json()["added"] == 0


def test_a_run_without_an_encoder_is_served_all_the_same(serve, caplog):
    with caplog.at_level("INFO", logger="isthmus.serve"):
        client = serve(warm=True)
        assert client.get("/health").json()["status"] == "ok"
        deadline = time.monotonic() + 20
        while "takes no texts" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.02)
    assert "takes no texts" in caplog.text


def test_the_text_of_an_item_has_nearest(client, trained):
    asked = {"text": "The films called 4", "domain": "films", "k": 3}
    answer = client.post("/similar", json=asked).json()["answers"][0]
    item = Newcomers.item("new", asked["text"], ["films"], node_type="item")
    larger = Recommender.open(trained).with_newcomers(item)
    expected = larger.similar("new", domain="films", k=3)[0].tolist()
    assert answer["id"] is None
    assert [node["id"] for node in answer["nodes"]] == expected
    assert client.get("/about").json()["added"] == 0


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"text": "  "}, 422, "blank"),
        ({"text": "words", "type": "user"}, 422, "leave type away"),
        ({"text": "words", "ids": ["b1"]}, 422, "either ids, or the text"),
        ({}, 422, "either ids, or the text"),
    ],
)
def test_what_is_no_text_of_an_item(client, body, status, message):
    reply = client.post("/similar", json=body)
    assert reply.status_code == status
    assert message in reply.json()["error"]


def test_nodes_that_are_added_can_be_asked_for_at_once(client):
    before = client.get("/recommend", params={"user": "user-00", "k": 5})
    version = client.get("/health").json()["model"]
    reply = client.post("/nodes", json=NEW)
    assert reply.status_code == 200, reply.text
    assert (reply.json()["nodes"], reply.json()["edges"]) == (2, 3)
    assert reply.json()["model"] != version
    assert client.get("/about").json()["added"] == 2

    likes = {"likes": ["books-02", "books-04"], "k": 5}
    known = client.post("/recommend", json={"users": ["user-new"], "k": 5, "exclude_seen": False})
    assert ids(known) == ids(client.post("/recommend", json={**likes, "exclude_seen": False}))
    found = client.get("/search", params={"q": "again"}).json()["nodes"]
    assert [node["id"] for node in found] == ["films-new"]
    assert client.get("/history", params={"user": "user-new"}).json()["domains"]["books"]
    near = client.get("/similar", params={"id": "films-new", "k": 3}).json()
    assert len(near["answers"][0]["nodes"]) == 3
    pair = client.get("/predict", params={"user": "user-00", "item": "films-new"}).json()
    assert isinstance(pair["answers"][0]["score"], float)
    again = client.get("/recommend", params={"user": "user-00", "k": 5})
    old = [item for item in again.json()["answers"][0]["items"] if item["id"] != "films-new"]
    assert old == before.json()["answers"][0]["items"][: len(old)]  # nobody else moved


def test_what_was_added_outlives_the_model_and_the_server(serve, trained, tmp_path):
    client = serve(run=trained, added=tmp_path / "kept.jsonl")
    added = client.post("/nodes", json=NEW).json()["model"]
    assert client.post("/reload", json={}).json() == {"model": added, "changed": False}
    assert client.get("/about").json()["added"] == 2
    other = serve(run=trained, added=tmp_path / "kept.jsonl")
    assert other.get("/health").json()["model"] == added
    more = {"nodes": [{"id": "user-later"}], "edges": [{"src": "user-later", "dst": "films-new"}]}
    assert other.post("/nodes", json=more).status_code == 200
    # The first has not looked yet; it catches up before it adds something of its own.
    mine = {"nodes": [{"id": "user-last"}], "edges": [{"src": "user-last", "dst": "films-01"}]}
    assert client.post("/nodes", json=mine).status_code == 200
    assert client.get("/history", params={"user": "user-later"}).status_code == 200
    assert client.get("/about").json()["added"] == 4
    models = other.app.state.server.models
    assert models.changed()
    recommender = models.now.recommender
    assert models.follow().recommender is not recommender
    assert not models.changed()
    assert other.get("/health").json()["model"] == client.get("/health").json()["model"]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"nodes": [{"type": "item", "id": "films-01"}]}, 422, "in the graph already"),
        ({"nodes": [{"type": "thing", "id": "x"}]}, 422, "unknown node type"),
        ({"nodes": [{"type": "item", "id": "x", "domains": ["film"]}]}, 422, "unknown domain"),
        ({"nodes": [{"id": "x"}], "edges": [{"src": "x", "dst": "gone"}]}, 404, "gone"),
        ({"nodes": [{"id": "x"}], "edges": [{"src": "x", "dst": "x", "weight": -1}]}, 422, "0"),
        ({"nodes": []}, 422, "nodes"),
        ({}, 422, "nodes: Field required"),
    ],
)
def test_what_cannot_be_added_is_said_and_changes_nothing(client, body, status, says):
    version = client.get("/health").json()["model"]
    reply = client.post("/nodes", json=body)
    assert reply.status_code == status, reply.text
    assert says in reply.json()["error"]
    assert client.get("/health").json()["model"] == version


def test_there_is_an_end_to_adding(serve, trained):
    client = serve(run=trained, max_added=1)
    assert client.post("/nodes", json=NEW).status_code == 409
    assert client.post("/nodes", json={"nodes": [{"id": "x"}]}).status_code == 200
    assert client.post("/nodes", json={"nodes": [{"id": "y"}]}).status_code == 409
