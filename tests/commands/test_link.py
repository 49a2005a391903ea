import csv

import pytest
from typer.testing import CliRunner

import isthmus
from kg.importer import import_graph
from kg.store import load_graph, save_graph

MAPPING = """
[[nodes]]
file = "books.csv"
type = "item"
id = "id"
text = "title"

[[nodes]]
file = "works.csv"
type = "entity"
id = "id"
text = "name"

[[edges]]
file = "likes.csv"
relation = "interacts"
src = { type = "user", column = "user", create = true }
dst = { type = "item", column = "item" }
"""
BOOKS = 'id,title\nb1,Emma\nb2,"Wall, The"\nb3,Dune\n'
WORKS = "id,name\nw1,Emma\nw2,The Wall\nw3,Dune (novel)\nw4,Dune (novel)\n"


def invoke(*arguments):
    return CliRunner().invoke(isthmus.app, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path):
    files = {"books.csv": BOOKS, "works.csv": WORKS, "likes.csv": "user,item\nann,b1\n"}
    for name, text in {**files, "mapping.toml": MAPPING}.items():
        (tmp_path / name).write_text(text)
    save_graph(import_graph(tmp_path / "mapping.toml"), tmp_path / "graph")
    return tmp_path


def links(path):
    with path.open(encoding="utf-8") as file:
        return [(r["source"], r["target"], r["status"]) for r in csv.DictReader(file)]


EXPECTED = [
    ("b1", "w1", "linked"),
    ("b2", "w2", "linked"),
    ("b3", "w3", "ambiguous"),
    ("b3", "w4", "ambiguous"),
]


def test_links_within_a_graph_change_nothing(folder):
    before = load_graph(folder / "graph").fingerprint
    result = invoke("link", folder / "graph", "--out", folder / "links.csv")
    assert result.exit_code == 0, result.output
    assert "To decide: 2 pairs" in result.output
    assert links(folder / "links.csv") == EXPECTED
    assert load_graph(folder / "graph").fingerprint == before


def test_links_of_two_tables(folder):
    arguments = ("--source", "id,title", "--target", "id,name", "--out", folder / "links.csv")
    result = invoke("link", folder / "books.csv", folder / "works.csv", *arguments)
    assert result.exit_code == 0, result.output
    assert links(folder / "links.csv") == EXPECTED


def test_links_of_a_table_and_a_graph(folder):
    arguments = ("--source", "id,title", "--method", "exact", "--out", folder / "links.csv")
    result = invoke("link", folder / "books.csv", folder / "graph", *arguments)
    assert result.exit_code == 0, result.output
    assert links(folder / "links.csv") == [("b1", "w1", "linked")]


def test_names_within_one_table(folder):
    arguments = ("--source", "id,name", "--out", folder / "links.csv")
    assert invoke("link", folder / "works.csv", *arguments).exit_code == 0
    assert links(folder / "links.csv") == [("w3", "w4", "linked")]


def test_vectors_of_names(folder):
    arguments = ("--method", "nearest", "--set", "encoder=hashing", "--set", "threshold=0.9")
    result = invoke("link", folder / "graph", *arguments, "--out", folder / "links.csv")
    assert result.exit_code == 0, result.output
    assert ("b1", "w1", "linked") in links(folder / "links.csv")


def test_what_was_reviewed_decides(folder):
    invoke("link", folder / "graph", "--out", folder / "links.csv")
    text = (folder / "links.csv").read_text().replace("ambiguous", "refused", 1)
    (folder / "links.csv").write_text(text.replace("ambiguous", "linked", 1))
    review = '[[links]]\nsource = "item"\ntarget = "entity"\nreviewed = "links.csv"\n'
    mapping = MAPPING + review + 'methods = ["reviewed", "normalised"]\n'
    (folder / "mapping.toml").write_text(mapping)
    result = invoke("import", folder / "mapping.toml", "--out", folder / "linked")
    assert result.exit_code == 0, result.output
    assert "reviewed" in result.output
    graph = load_graph(folder / "linked")
    assert graph.nodes["entity"].vocab.ids.to_pylist() == ["w3"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("graph", "--method", "excat"), 'did you mean "exact"'),
        (("graph", "--target", "entitty"), 'did you mean "entity"'),
        (("graph", "--set", "threshold=2"), "threshold = 2"),
        (("graph", "--set", 'source_domain="boks"'), "links: unknown domain 'boks'"),
        (("graph", "--method", "same_as"), "no relation 'sameAs'"),
        (("graph", "--out", "links.doc"), "links.doc: expected a name in .csv or .parquet"),
        (("grap",), "no such graph folder or table: grap"),
        (("books.csv", "works.csv", "--source", "id"), "as in id,title"),
        (("books.csv", "works.csv", "--source", "id,titel"), 'did you mean "title"'),
        (("books.csv", "graph", "--source", "id,title", "--method", "same_as"), "one graph"),
    ],
)
def test_one_line_says_what_is_wrong(folder, arguments, message, monkeypatch):
    monkeypatch.chdir(folder)
    result = invoke("link", *arguments)
    assert result.exit_code == 1
    assert message in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_parquet_comes_from_the_name(folder):
    import pyarrow.parquet as pq

    invoke("link", folder / "graph", "--out", folder / "links.parquet")
    assert pq.read_table(folder / "links.parquet").num_rows == 4
