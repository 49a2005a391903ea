from datetime import UTC, datetime

import pyarrow as pa
import pyoxigraph
import pytest
from pyoxigraph import NamedNode

from kg.errors import ConfigError, InputError
from kg.export.naming import Naming
from kg.export.predictions import Origin, write_predictions
from kg.importer import import_graph
from kg.mapping import Exported, GraphMapping

ORIGIN = Origin(
    run="books and films",
    protocol="user-cold",
    version="0.1.0",
    date=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC),
)
RUN = "urn:isthmus:run:books%20and%20films:user-cold"
QUERY = """
PREFIX v: <urn:isthmus:vocabulary:>
PREFIX prov: <http://www.w3.org/ns/prov#>
SELECT ?user ?relation ?item ?score ?rank ?run ?version ?end {
  ?p a rdf:Statement, v:Prediction ; rdf:subject ?user ; rdf:predicate ?relation ;
     rdf:object ?item ; v:score ?score ; v:rank ?rank ; prov:wasGeneratedBy ?run .
  ?run v:version ?version ; prov:endedAtTime ?end
} ORDER BY ?rank
"""


@pytest.fixture
def graph(make_graph):
    return make_graph([("ann", "b 1")], {"b 1": "books", "dbr:Emma": "books"})


@pytest.fixture
def answers():
    return pa.table(
        {
            "user": ["ann", "ann"],
            "rank": pa.array([1, 2], pa.int32()),
            "item": ["dbr:Emma", "b 1"],
            "title": ["Emma", ""],
            "score": pa.array([0.1, -3], pa.float32()),
        }
    )


@pytest.mark.parametrize("name", ["p.nt", "p.ttl", "p.nq", "p.ttl.gz"])
def test_a_prediction_has_score_rank_and_origin_and_is_no_fact(graph, answers, tmp_path, name):
    import gzip

    path = tmp_path / name
    with write_predictions(path, graph, ORIGIN) as writer:
        writer.write_table(answers.slice(0, 1))
        writer.write_table(answers.slice(1, 1))
    data = gzip.decompress(path.read_bytes()) if name.endswith(".gz") else path.read_bytes()
    suffix = name.removeprefix("p.").removesuffix(".gz")
    store = pyoxigraph.Store()
    store.load(data, pyoxigraph.RdfFormat.from_extension(suffix))
    graphs = [term.value for term in store.named_graphs()]
    assert graphs == ([RUN] if suffix == "nq" else [])
    prefixes = {"rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#"}
    found = store.query(QUERY, prefixes=prefixes, use_default_graph_as_union=True)
    first, second = ([term.value for term in row] for row in found)
    user, relation = "urn:isthmus:node:user:ann", "urn:isthmus:relation:likes"
    assert first[:3] == [user, relation, "http://dbpedia.org/resource/Emma"]
    assert second[:3] == [user, relation, "urn:isthmus:node:item:b%201"]
    assert [float(row[3]) for row in (first, second)] == pytest.approx([0.1, -3])
    assert [row[4] for row in (first, second)] == ["1", "2"]
    assert first[5:] == [RUN, "0.1.0", "2026-03-04T05:06:07Z"]
    assert not list(store.quads_for_pattern(None, NamedNode(relation), None, None))


def test_nodes_get_the_iris_of_a_mapping(graph, answers, tmp_path):
    naming = Naming(beginnings={"item": "http://shop/"})
    with write_predictions(tmp_path / "p.nt", graph, ORIGIN, naming) as writer:
        writer.write_table(answers)
    assert "<http://shop/dbr:Emma>" in (tmp_path / "p.nt").read_text()


def test_predictions_are_no_graph(graph, answers, tmp_path):
    path = tmp_path / "p.nt"
    with write_predictions(path, graph, ORIGIN) as writer:
        writer.write_table(answers)
    with pytest.raises((InputError, ConfigError), match="is not a graph"):
        import_graph(GraphMapping(exported=Exported(file=str(path))))
    with (
        pytest.raises(InputError, match=r"p\.csv: expected \.nt"),
        write_predictions(tmp_path / "p.csv", graph, ORIGIN),
    ):
        pass
