import pytest

from queries.recommender import Recommender


def test_one_user_gets_what_the_recommender_says(client, run):
    reply = client.post("/recommend", json={"users": ["bob"], "domain": "films", "k": 2})
    ids, scores = Recommender.open(run).recommend("bob", domain="films", k=2)
    assert reply.status_code == 200
    answer = reply.json()["answers"][0]
    assert answer["user"] == "bob"
    assert [item["id"] for item in answer["items"]] == ids.tolist()
    assert [item["score"] for item in answer["items"]] == pytest.approx(scores.tolist(), abs=1e-6)
    assert answer["items"][0]["title"] == "Clueless"
    assert answer["items"][0]["domains"] == ["films"]
    assert "probability" not in answer["items"][0]


def test_many_users_get_answers_in_their_order(client):
    both = client.post("/recommend", json={"users": ["dan", "ada"], "k": 3}).json()
    assert [answer["user"] for answer in both["answers"]] == ["dan", "ada"]
    assert both["domain"] == "films"
    for answer in both["answers"]:
        alone = client.get("/recommend", params={"user": answer["user"], "k": 3}).json()
        assert alone["answers"] == [answer]


def test_filters_are_those_of_the_recommender(client):
    def ids(**fields):
        reply = client.post("/recommend", json={"users": ["dan"], **fields})
        assert reply.status_code == 200, reply.text
        return [item["id"] for item in reply.json()["answers"][0]["items"]]

    everything = ids()
    assert sorted(everything) == ["f1", "f2", "f3"]
    assert ids(exclude=["f2"]) == [item for item in everything if item != "f2"]
    assert ids(allow=["f2"]) == ["f2"]
    assert ids(where=["based_on=Dune"]) == ["f3"]
    assert sorted(ids(diversity=1.0)) == ["f1", "f2", "f3"]
    bob = {"users": ["bob"]}
    assert ids(**bob) == ["f2"]
    assert sorted(ids(**bob, exclude_seen=False)) == ["f1", "f2", "f3"]


def test_similar_nodes_of_any_type(client, run):
    reply = client.post("/similar", json={"ids": ["b1", "f2"], "domain": "films", "k": 2}).json()
    ids, _ = Recommender.open(run).similar(["b1", "f2"], domain="films", k=2)
    assert [[n["id"] for n in a["nodes"]] for a in reply["answers"]] == ids.tolist()
    people = client.get("/similar", params={"id": "tolkien", "type": "person", "k": 1}).json()
    assert people["answers"][0]["nodes"][0]["id"] in ("austen", "herbert")


def test_pairs_have_scores(client, run):
    pairs = [{"user": "ada", "item": "f1"}, {"user": "bob", "item": "b2"}]
    reply = client.post("/predict", json={"pairs": pairs}).json()
    scores = Recommender.open(run).score(["ada", "bob"], ["f1", "b2"])
    assert [one["score"] for one in reply["answers"]] == pytest.approx(scores.tolist(), abs=1e-6)
    assert reply["answers"][0]["probability"] is None  # nothing was calibrated
    assert client.get("/predict", params=pairs[0]).json()["answers"] == reply["answers"][:1]


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/recommend", {"users": ["eve"]}, 404, "unknown user id 'eve'"),
        ("/recommend", {"users": ["ada"], "exclude": ["x"]}, 404, "unknown item id 'x'"),
        ("/recommend", {"users": ["ada"], "domain": "film"}, 422, 'did you mean "films"'),
        ("/recommend", {"users": ["ada"], "k": 101}, 422, "there are 3 items of films"),
        ("/recommend", {"users": ["ada"], "k": -1}, 422, "k: Input should be greater"),
        ("/recommend", {"users": ["ada"], "kk": 1}, 422, "kk: Extra inputs"),
        ("/recommend", {}, 422, "give either users, or likes"),
        ("/recommend", {"users": ["ada"], "where": ["year>1"]}, 422, "no attribute or relation"),
        ("/recommend", {"users": ["ada"], "probabilities": True}, 422, "no probabilities"),
        ("/similar", {"ids": ["b1"], "type": "persona"}, 422, 'did you mean "person"'),
        ("/similar", {"ids": ["nobody"]}, 404, "unknown item id 'nobody'"),
        ("/predict", {"pairs": [{"user": "ada"}]}, 422, "pairs.0.item: Field required"),
        ("/explain", {"user": "ada", "item": "f9"}, 404, "unknown item id 'f9'"),
    ],
)
def test_what_cannot_be_answered_is_said_in_one_line(client, path, body, status, says):
    reply = client.post(path, json=body)
    assert reply.status_code == status
    assert list(reply.json()) == ["error"]
    assert says in reply.json()["error"]
    assert "\n" not in reply.json()["error"]


def test_an_answer_that_is_known_is_not_sent_again(client):
    first = client.get("/recommend", params={"user": "ada"})
    again = client.get(
        "/recommend", params={"user": "ada"}, headers={"If-None-Match": first.headers["etag"]}
    )
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]
    other = client.get("/recommend", params={"user": "ada"}, headers={"If-None-Match": '"x"'})
    assert other.json() == first.json()
