import pytest
from typer.testing import CliRunner

import isthmus
from gnn.exchange import load_pyg
from kg.importer import import_graph
from kg.store import load_graph, save_graph


@pytest.fixture
def folder(make_graph, tmp_path):
    graph = make_graph(
        [("ann", "b1"), ("bob", "b2")],
        {"b1": "books", "b2": "films"},
        texts={"b1": "Emma", "b2": "Clueless"},
    )
    save_graph(graph, tmp_path / "graph")
    return tmp_path


def invoke(*arguments):
    return CliRunner().invoke(isthmus.app, [str(argument) for argument in arguments])


def test_export_and_import_give_the_same_graph(folder):
    done = invoke("export", folder / "graph", "--to", folder / "g.ttl")
    assert done.exit_code == 0, done.output
    assert "g.ttl.toml" in done.output.replace("\n", "")
    done = invoke("import", folder / "g.ttl.toml", "--out", folder / "again")
    assert done.exit_code == 0, done.output
    assert load_graph(folder / "again").fingerprint == load_graph(folder / "graph").fingerprint


def test_ids_become_the_iris_of_the_mapping(folder):
    (folder / "m.toml").write_text(
        '[[rdf]]\nfile = "x.nt"\n[[rdf.nodes]]\nprefix = "http://shop/"\ntype = "item"\n'
        'otherwise = "user"\n'
    )
    to = folder / "g.nt"
    done = invoke("export", folder / "graph", "--to", to, "--mapping", folder / "m.toml")
    assert done.exit_code == 0, done.output
    assert "<http://shop/b1>" in to.read_text()
    assert import_graph(folder / "g.nt.toml").graph.items.vocab.ids.to_pylist() == ["b1", "b2"]


def test_export_of_folders(folder):
    for format in ("neo4j", "parquet", "pyg"):
        done = invoke("export", folder / "graph", "--to", folder / format, "--format", format)
        assert done.exit_code == 0, done.output
    assert load_pyg(folder / "pyg")["item"].node_id == ["b1", "b2"]
    done = invoke("export", folder / "graph", "--to", folder / "g.doc")
    assert done.exit_code == 1
    assert "g.doc: expected a file in .nt" in done.output


def test_sparql_prints_a_table_or_writes_a_file(folder):
    query = "SELECT ?title { ?u relation:likes/rdfs:label ?title } ORDER BY ?title"
    done = invoke("sparql", folder / "graph", query)
    assert done.exit_code == 0, done.output
    assert "Clueless" in done.output
    assert "2 rows" in done.output
    (folder / "q.rq").write_text("ASK { ?s ?p ?o }")
    for keep in ("--keep", "--no-keep"):
        done = invoke("sparql", folder / "graph", "--file", folder / "q.rq", keep)
        assert done.output == "yes\n"
    done = invoke("sparql", folder / "graph", query, "--out", folder / "a.csv")
    assert (folder / "a.csv").read_text().split() == ["title", "Clueless", "Emma"]
    done = invoke("sparql", folder / "graph", "SELECT ?x { ?x foo:p ?y }")
    assert done.exit_code == 1
    assert "nothing declares the prefix 'foo'" in done.output
    assert invoke("sparql", folder / "graph").exit_code == 1
    done = invoke("sparql", folder / "graph", "--file", folder / "none.rq")
    assert done.output == f"error: no such file: {folder / 'none.rq'}\n"


def test_neighbourhood_shows_its_accounts(folder):
    rock = [f"<http://e/{i}> <http://e/genre> <http://e/rock> .\n" for i in range(9)]
    (folder / "dump.nt").write_text("".join(rock) + "<http://e/1> <http://e/p> <http://e/x> .\n?\n")
    (folder / "seeds.csv").write_text("id,name\n1,one\n77,none\n")
    done = invoke(
        *("neighbourhood", folder / "dump.nt", "--seeds", folder / "seeds.csv", "--column", "id"),
        *("--beginning", "http://e/", "--max-degree", 5, "--out", folder / "small.nt"),
    )
    assert done.exit_code == 0, done.output
    assert len((folder / "small.nt").read_text().splitlines()) == 2
    for told in ("1 seeds are in no triple, such as http://e/77", "http://e/rock", "to subjects"):
        assert told in done.output
    (folder / "seeds.txt").write_text("<http://e/1>\n\nhttp://e/2\n")
    done = invoke(
        *("neighbourhood", folder / "dump.nt", "--seeds", folder / "seeds.txt", "--hops", 1),
        *("--predicate", "<http://e/p>", "--out", folder / "small.nt"),
    )
    assert done.exit_code == 0, done.output
    assert (folder / "small.nt").read_text() == "<http://e/1> <http://e/p> <http://e/x> .\n"
    for wrong in (("--hops", -1), ("--max-degree", -1)):
        done = invoke(
            *("neighbourhood", folder / "dump.nt", "--seeds", folder / "seeds.txt", *wrong),
            *("--out", folder / "small.nt"),
        )
        assert done.exit_code == 2
        assert isinstance(done.exception, SystemExit)
