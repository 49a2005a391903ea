def test_search_finds_parts_of_titles_and_ids(client):
    def ids(**params):
        return [node["id"] for node in client.get("/search", params=params).json()["nodes"]]

    assert ids(q="dune") == ["b3", "f3"]  # the whole title first
    assert ids(q="DUNE:") == ["f3"]
    assert ids(q="cy") == ["cyd"]  # no title, so by id
    assert ids(q="tolk", type="person") == ["tolkien"]
    assert ids(q="b", type="item", limit=2) == ["b2", "b3"]
    assert ids(q="%") == []


def test_search_has_room_for_users_and_items(client):
    nodes = client.get("/search", params={"q": "b", "limit": 2}).json()["nodes"]
    assert [node["type"] for node in nodes] == ["user", "item"]


def test_history_is_by_domain_and_what_the_model_knows(client):
    bob = client.get("/history", params={"user": "bob"}).json()
    assert bob["title"] == "Bob"
    assert {name: [i["id"] for i in items] for name, items in bob["domains"].items()} == {
        "books": ["b1"],
        "films": ["f1", "f3"],
    }
    cyd = client.get("/history", params={"user": "cyd"}).json()
    assert cyd["domains"]["films"] == []  # held out
    assert client.get("/history", params={"user": "dan"}).json()["domains"]["books"] == []
    assert client.get("/history", params={"user": "eve"}).status_code == 404


def test_about_says_what_there_is(client):
    about = client.get("/about").json()
    assert about["domains"] == ["books", "films"]
    assert about["target"] == "films"
    assert about["protocol"] == "user-cold"
    assert about["items"] == {"books": 3, "films": 3}
    assert about["types"]["user"] == 4
    assert about["item_type"] == "item"
    assert about["probabilities"] is False
