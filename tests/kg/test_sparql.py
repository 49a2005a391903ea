import json

import pyarrow.parquet as pq
import pytest
import rdflib

from kg.errors import InputError
from kg.export.libraries import to_rdflib
from kg.export.naming import Naming
from kg.sparql import SparqlGraph, columns, rows, save

LIKED = """
SELECT ?title (COUNT(?user) AS ?users) {
  ?user relation:likes ?item . ?item rdfs:label ?title ; isthmus:domain domain:books
} GROUP BY ?title ORDER BY DESC(?users)
"""
TIMES = "SELECT ?time { ?s rdf:subject/isthmus:id 'ann' ; isthmus:time ?time } ORDER BY ?time"


@pytest.fixture
def graph(make_graph):
    return make_graph(
        [("ann", "b1"), ("bob", "b1"), ("ann", "dbr:Emma")],
        {"b1": "books", "dbr:Emma": "books", "f1": "films"},
        times=[3, 4, 5],
        texts={"b1": "A book", "dbr:Emma": "Emma"},
    )


def test_prefixes_of_the_vocabulary_are_known(graph):
    asked = SparqlGraph.of(graph)
    answers = asked.ask(LIKED)
    assert columns(answers) == ["title", "users"]
    assert list(rows(answers, asked.prefixes)) == [["A book", "2"], ["Emma", "1"]]
    times = asked.ask(TIMES)
    assert [float(value) for (value,) in rows(times, asked.prefixes)] == [3.0, 5.0]


def test_nodes_are_shown_by_short_names(graph):
    asked = SparqlGraph.of(graph)
    answers = asked.ask("SELECT ?i ?none { ?u relation:likes ?i } ORDER BY ?i")
    assert list(rows(answers, asked.prefixes)) == [
        ["dbr:Emma", ""],
        ["node:item:b1", ""],
        ["node:item:b1", ""],
    ]


def test_prefixes_of_a_mapping_are_known(graph):
    naming = Naming(prefixes={"ex": "http://example.org/"}, beginnings={"item": "http://shop/"})
    asked = SparqlGraph.of(graph, naming)
    assert asked.ask("ASK { <http://shop/b1> isthmus:id 'b1' }")
    assert not asked.ask("ASK { ex:b1 isthmus:id 'b1' }")


def test_rdflib_counts_the_same(graph):
    """The store holds the triples that another parser and another store make of the graph."""
    every = "SELECT (COUNT(*) AS ?n) (COUNT(DISTINCT ?o) AS ?m) { ?s ?p ?o }"
    asked = SparqlGraph.of(graph)
    (ours,) = rows(asked.ask(every), asked.prefixes)
    (theirs,) = to_rdflib(graph).query(every)
    assert ours == [str(term) for term in theirs]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELEC ?x {}", "at line 1, column 10: cannot go on with"),
        ("SELECT ?s {\n ?s ?p ", "at line 2, column .*: it ends too early"),
        ("SELECT ?s { ?s relatoin:likes ?o }", "the prefix 'relatoin', did you mean \"relation\""),
        ("DELETE WHERE { ?s ?p ?o }", "cannot go on with"),
        ("", "it ends too early"),
    ],
)
def test_a_wrong_query_gives_one_clear_line(graph, query, reason):
    with pytest.raises(InputError, match=reason) as error:
        SparqlGraph.of(graph).ask(query)
    assert len(str(error.value)) < 200
    assert "\n" not in str(error.value)


def test_answers_in_files(graph, tmp_path):
    asked = SparqlGraph.of(graph)
    for name in ("a.csv", "a.tsv", "a.json", "a.parquet"):
        save(asked.ask(LIKED), tmp_path / name)
    assert (tmp_path / "a.csv").read_text().splitlines() == ["title,users", "A book,2", "Emma,1"]
    assert json.loads((tmp_path / "a.json").read_text())["head"] == {"vars": ["title", "users"]}
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.to_pylist() == [{"title": "A book", "users": 2}, {"title": "Emma", "users": 1}]

    save(asked.ask("CONSTRUCT { ?i a ?u } { ?u relation:likes ?i }"), tmp_path / "a.nt")
    assert len(rdflib.Graph().parse(tmp_path / "a.nt")) == 3
    save(asked.ask("ASK { ?s ?p ?o }"), tmp_path / "yes.json")
    assert json.loads((tmp_path / "yes.json").read_text())["boolean"] is True
    for query, name in (("ASK {}", "a.parquet"), (LIKED, "a.nt"), ("DESCRIBE <x:y>", "a.csv")):
        with pytest.raises(InputError, match=f"{name}: expected"):
            save(asked.ask(query), tmp_path / name)
