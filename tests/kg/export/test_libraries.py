from kg.export.libraries import to_networkx


def test_a_graph_becomes_a_multidigraph(make_graph):
    graph = make_graph(
        [("ann", "b1"), ("bob", "b1")],
        {"b1": "books", "b2": ("books", "films")},
        times=[3, 4],
        texts={"b1": "Emma"},
        entities={"person": ["b1"]},  # the same id in another type is another node
        relations={("item", "author", "person"): [("b1", "b1")]},
    )

    found = to_networkx(graph)

    assert set(found.nodes) == {
        ("user", "ann"),
        ("user", "bob"),
        ("item", "b1"),
        ("item", "b2"),
        ("person", "b1"),
    }
    assert found.nodes["item", "b1"] == {"title": "Emma", "text": "Emma", "domains": ["books"]}
    assert found.nodes["item", "b2"]["domains"] == ["books", "films"]
    edges = sorted((src, key, dst) for src, dst, key in found.edges(keys=True))
    assert edges == [
        (("item", "b1"), "author", ("person", "b1")),
        (("user", "ann"), "likes", ("item", "b1")),
        (("user", "bob"), "likes", ("item", "b1")),
    ]
    assert found.edges[("user", "ann"), ("item", "b1"), "likes"] == {
        "weight": 1.0,
        "time": 3.0,
    }
    assert "time" not in found.edges[("item", "b1"), ("person", "b1"), "author"]
