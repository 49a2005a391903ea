import csv
import gzip
from dataclasses import replace

import networkx as nx
import pyarrow as pa
import pyarrow.parquet as pq
import pyoxigraph
import pytest
import rdflib
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.errors import ArtefactError, InputError
from kg.export.naming import Naming
from kg.export.write import export_graph


@pytest.fixture
def graph(make_graph):
    graph = make_graph(
        [("ann", "b1"), ("bob", "b1")],
        {"b1": "books", "b2": ("books", "films")},
        times=[3, 4],
        texts={"b1": 'Emma, "a <novel>"\nby Jane\x01'},
        entities={"person": ["b1"]},  # the same id in another type is another node
        relations={("item", "author", "person"): [("b1", "b1")]},
    )
    columns = {
        "year": pa.array([1815, None]),
        "good": pa.array([True, False]),
        "score": pa.array([0.5, None]),
        "vector": pa.array([[1.0, 0.5], None], pa.list_(pa.float32())),
        "a:b": pa.array(["x;y", None]),
    }
    items = replace(graph.items, attributes=pa.table(columns))
    return replace(graph, nodes={**graph.nodes, "item": items})


# rdflib warns of what its own Dataset calls
@pytest.mark.filterwarnings("ignore:Dataset.*is deprecated:DeprecationWarning")
def test_other_parsers_read_the_rdf(graph, tmp_path):
    for name, format in (("g.nt", "nt"), ("g.nq", "nquads"), ("g.ttl", "turtle")):
        export_graph(graph, tmp_path / name)
        rdf = rdflib.Dataset().parse(tmp_path / name, format=format)
        ours = pyoxigraph.parse(path=str(tmp_path / name))
        assert len(list(rdf.quads())) == len(list(ours)) > 40


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_turtle_and_triples_say_the_same_to_oxigraph(graphs, tmp_path_factory, data):
    """Strictly parsed, with every IRI checked, whatever the ids."""
    graph, folder = data.draw(graphs), tmp_path_factory.mktemp("rdf")
    found = []
    for name in ("g.nt", "g.ttl"):
        export_graph(graph, folder / name)
        quads = pyoxigraph.Dataset(pyoxigraph.parse(path=str(folder / name)))
        quads.canonicalize(pyoxigraph.CanonicalizationAlgorithm.UNSTABLE)
        found.append(quads)
    assert found[0] == found[1]


def test_a_file_is_the_same_every_time(graph, tmp_path):
    for name in ("a.nt.gz", "b.nt.gz"):
        export_graph(graph, tmp_path / name)
    assert (tmp_path / "a.nt.gz").read_bytes() == (tmp_path / "b.nt.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.nt.gz").read_bytes()).startswith(b"<urn:isthmus:")


def test_graphml_opens_in_networkx(graph, tmp_path):
    assert export_graph(graph, tmp_path / "g.graphml") == (tmp_path / "g.graphml",)
    found = nx.read_graphml(tmp_path / "g.graphml")
    assert found.nodes["urn:isthmus:node:item:b1"] == {
        "type": "item",
        "id": "b1",
        "title": 'Emma, "a <novel>"\nby Jane\ufffd',
        "text": 'Emma, "a <novel>"\nby Jane\ufffd',
        "domains": "books",
        "year": 1815,
        "good": True,
        "score": 0.5,
        "vector": "[1, 0.5]",
        "a:b": "x;y",
    }
    assert found.nodes["urn:isthmus:node:item:b2"]["domains"] == "books, films"
    edges = sorted(found.edges(data=True))
    assert edges[0][2] == {"relation": "author", "weight": 1.0}
    assert edges[1] == (
        "urn:isthmus:node:user:ann",
        "urn:isthmus:node:item:b1",
        {"relation": "likes", "weight": 1.0, "time": 3.0},
    )


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_graphml_of_odd_graphs_opens(graphs, tmp_path_factory, data):
    graph, file = data.draw(graphs), tmp_path_factory.mktemp("graphml") / "g.graphml"
    export_graph(graph, file)
    found = nx.read_graphml(file, force_multigraph=True)
    assert len(found) == sum(map(len, graph.nodes.values()))
    assert found.number_of_edges() == sum(map(len, graph.edges.values()))


def test_neo4j_gets_a_file_for_each_type(graph, tmp_path):
    folder = tmp_path / "neo"
    export_graph(graph, folder, format="neo4j")
    assert (folder / "import.args").read_text().splitlines() == [
        "--multiline-fields=true",
        "--nodes=nodes/item.csv",
        "--nodes=nodes/person.csv",
        "--nodes=nodes/user.csv",
        "--relationships=relationships/item-author-person.csv",
        "--relationships=relationships/user-likes-item.csv",
    ]
    with (folder / "nodes/item.csv").open(encoding="utf-8", newline="") as file:
        header, first, second = csv.reader(file)
    assert header == [
        *("id:ID(item)", "title", "text", "domains:string[]", "year:long", "good:boolean"),
        *("score:double", "vector:float[]", "a_b:string", ":LABEL"),
    ]
    text = 'Emma, "a <novel>"\nby Jane\x01'
    assert first == ["b1", text, text, "books", "1815", "true", "0.5", "1;0.5", "x;y", "item"]
    assert second == ["b2", "", "", "books;films", "", "false", "", "", "", "item"]
    likes = (folder / "relationships/user-likes-item.csv").read_text().splitlines()
    assert likes == [
        ":START_ID(user),:END_ID(item),:TYPE,weight:float,time:double",
        '"ann","b1","likes",1,3',
        '"bob","b1","likes",1,4',
    ]


def test_parquet_has_ids(graph, tmp_path):
    export_graph(graph, tmp_path / "pq", format="parquet")
    items = pq.read_table(tmp_path / "pq/nodes/item.parquet").to_pylist()
    assert items[1]["domains"] == ["books", "films"]
    assert items[0]["attribute.year"] == 1815
    likes = pq.read_table(tmp_path / "pq/edges/user,likes,item.parquet").to_pylist()
    assert likes[1] == {"src": "bob", "dst": "b1", "weight": 1.0, "time": 4.0}
    author = pq.read_table(tmp_path / "pq/edges/item,author,person.parquet")
    assert author.column_names == ["src", "dst", "weight"]


@settings(max_examples=10, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("format", ["neo4j", "parquet"])
def test_folders_of_odd_graphs_are_written(graphs, tmp_path_factory, format, data):
    graph = data.draw(graphs)
    folder = tmp_path_factory.mktemp("folder") / "out"
    export_graph(graph, folder, format=format)
    if format == "parquet":
        rows = sum(pq.read_metadata(file).num_rows for file in folder.rglob("*.parquet"))
        assert rows == sum(map(len, (*graph.nodes.values(), *graph.edges.values())))


def test_what_is_in_the_way_stays(graph, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").write_text("")
    with pytest.raises(ArtefactError, match="is not a parquet export folder"):
        export_graph(graph, tmp_path / "mine", format="parquet")
    with pytest.raises(InputError, match=r"g\.csv: expected a file in \.nt, \.nq"):
        export_graph(graph, tmp_path / "g.csv")
    with pytest.raises(InputError, match=r"unknown format 'turtel', did you mean"):
        export_graph(graph, tmp_path / "g", format="turtel")
    with pytest.raises(InputError, match=r"g\.nt: the name says ntriples, the format turtle"):
        export_graph(graph, tmp_path / "g.nt", format="turtle")
    bad = {"time": pa.array([1, None], pa.duration("s"))}
    items = replace(graph.items, attributes=pa.table(bad))
    wrong = replace(graph, nodes={**graph.nodes, "item": items})
    with pytest.raises(InputError, match="attribute 'time' of item has values of type duration"):
        export_graph(wrong, tmp_path / "g.nt")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("node_id", "iri"),
    [
        ("http://example.org/a", "http://example.org/a"),
        ("dbr:Emma", "http://dbpedia.org/resource/Emma"),
        ("<dbr:Emma>", "urn:isthmus:node:item:%3Cdbr%3AEmma%3E"),
        ("b 1", "urn:isthmus:node:item:b%201"),
        ("urn:isthmus:node:item:x", "urn:isthmus:node:item:urn%3Aisthmus%3Anode%3Aitem%3Ax"),
        ("http://example.org/%zz", "urn:isthmus:node:item:http%3A%2F%2Fexample.org%2F%25zz"),
    ],
)
def test_ids_that_are_iris_keep_them(make_graph, node_id, iri):
    graph = make_graph([("ann", node_id)], {node_id: "books"})
    assert Naming().iris(graph)["item"].to_pylist() == [iri]


def test_two_nodes_never_share_an_iri(make_graph):
    both = "http://dbpedia.org/resource/Emma"
    graph = make_graph([("ann", both)], {both: "books", "dbr:Emma": "books"})
    assert len(set(Naming().iris(graph)["item"].to_pylist())) == 2
