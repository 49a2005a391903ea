import pytest

from queries.links.predictor import LinkPredictor


@pytest.fixture
def client(serve, trained):
    return serve(run=trained)


def test_links_are_those_that_the_predictor_says(client, trained):
    predictor = LinkPredictor.open(trained)
    asked = {"heads": ["films-01", "books-02"], "relation": "author", "k": 2}
    answers = client.post("/predict", json=asked).json()["answers"]
    ids, scores = predictor.tails(asked["heads"], "author", 2)
    assert [answer["id"] for answer in answers] == asked["heads"]
    assert [[node["id"] for node in answer["nodes"]] for answer in answers] == ids.tolist()
    assert answers[0]["nodes"][0]["score"] == pytest.approx(scores[0, 0], abs=1e-5)

    back = client.post("/predict", json={"tails": ["a1"], "relation": "author", "domain": "films"})
    nodes = back.json()["answers"][0]["nodes"]
    assert nodes
    assert all(node["domains"] == ["films"] for node in nodes)


def test_triples_have_scores(client, trained):
    triples = [("films-01", "author", "a1"), ("films-01", "author", "a2")]
    asked = [{"head": head, "relation": name, "tail": tail} for head, name, tail in triples]
    answers = client.post("/predict", json={"triples": asked}).json()["answers"]
    scores = LinkPredictor.open(trained).score(triples)
    assert [one["score"] for one in answers] == pytest.approx(scores.tolist(), abs=1e-5)
    assert [one["known"] for one in answers] == [True, False]
    assert answers[1]["tail"] == "a2"


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"heads": ["films-01"], "relation": "auther"}, 422, "author"),
        ({"heads": ["nobody"], "relation": "author"}, 404, "unknown item id 'nobody'"),
        ({"heads": ["a1"], "relation": "author"}, 404, "unknown item id 'a1'"),
        ({"tails": ["films-01"], "relation": "author"}, 404, "unknown person id"),
        ({"heads": ["films-01"]}, 422, "give a relation"),
        ({"heads": ["films-01"], "tails": ["a1"], "relation": "author"}, 422, "give one of"),
        ({"heads": ["films-01"], "relation": "author", "k": 999}, 422, "nodes of person"),
        ({"triples": [{"head": "x", "relation": "author", "tail": "a1"}]}, 404, "'x'"),
        ({}, 422, "give one of pairs, triples, heads and tails"),
    ],
)
def test_what_cannot_be_predicted_is_said(client, body, status, says):
    reply = client.post("/predict", json=body)
    assert reply.status_code == status, reply.text
    assert says in reply.json()["error"]
