import pytest
import rdflib
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.errors import InputError
from kg.export.libraries import from_rdflib, to_networkx, to_rdflib
from kg.mapping import ClassRule, GraphMapping, RdfFile


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


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_rdflib_gives_the_graph_back(graphs, same, data):
    graph = data.draw(graphs)
    same(from_rdflib(to_rdflib(graph)), graph)


# rdflib warns of what its own Dataset calls
@pytest.mark.filterwarnings("ignore:Dataset.*is deprecated:DeprecationWarning")
def test_rdf_of_others_needs_a_mapping():
    rdf = rdflib.Dataset()
    ex = rdflib.Namespace("http://example.org/")
    rdf.add((ex.emma, rdflib.RDF.type, ex.Book))
    rdf.graph(ex.people).add((ex.ann, ex.likes, ex.emma))
    rdf.add((ex.emma, rdflib.RDFS.label, rdflib.Literal("Emma")))
    section = RdfFile(
        file=(),
        prefixes={"ex": str(ex)},
        types={"ex:Book": ClassRule(type="item", domain="books")},
        default_type="user",
        relations={"ex:likes": "interacts"},
    )
    mapping = GraphMapping(rdf=(section,))
    graph = from_rdflib(rdf, mapping)
    assert graph.items.vocab.ids.to_pylist() == ["ex:emma"]
    assert graph.items.title.to_pylist() == ["Emma"]
    assert graph.users.vocab.ids.to_pylist() == ["ex:ann"]
    with pytest.raises(InputError, match=r"expected one \[\[rdf\]\] section, the mapping has 2"):
        from_rdflib(rdf, GraphMapping(rdf=(section, section)))
