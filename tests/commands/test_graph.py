"""`isthmus import` and its limits, from the command line."""

import pytest
from typer.testing import CliRunner

from isthmus import app

MAPPING = """
[[nodes]]
file = "items.csv"
type = "item"
id = "id"
domain = "books"
text = "title"

[[edges]]
file = "likes.csv"
relation = "interacts"
src = { type = "user", column = "user", create = true }
dst = { type = "item", column = "item" }
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "items.csv").write_text("id,title\nb1,Emma\nb2,Dune\n")
    (tmp_path / "likes.csv").write_text("user,item\nann,b1\nbob,b9\nbob,b2\ncid,b8\n")
    (tmp_path / "mapping.toml").write_text(MAPPING)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*arguments):
    return CliRunner().invoke(app, ["import", "mapping.toml", *arguments])


def test_a_check_shows_a_sample_and_writes_nothing(folder):
    done = invoke("--check")
    assert done.exit_code == 0, done.output
    for told in ("Nodes, the first 3 of each type", "user ann", "item b1", "line 3: bob,b9"):
        assert told in done.output
    assert not (folder / "graph").exists()


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        (("--strict",), "likes.csv, line 3: unknown item: bob,b9"),
        (("--max-rejects", "1"), "more than 1 rows were rejected; the last: likes.csv, line 5"),
        (("--max-rejects", "49%"), "likes.csv: 2 of 4 rows were rejected, more than 49%"),
        (("--max-rejects", "few"), "--max-rejects few: expected a number of rows, or a share"),
        (("--strict", "--max-rejects", "1"), "give either --strict or --max-rejects"),
    ],
)
def test_too_many_rejects_stop_it(folder, limit, message):
    done = invoke(*limit)
    assert done.exit_code == 1
    assert done.output.startswith(f"error: {message}")
    assert len(done.output.splitlines()) == 1
    assert not (folder / "graph").exists()


def test_a_bad_table_of_nodes_is_named_not_the_edges_that_miss_them(folder):
    (folder / "items.csv").write_text("id,title\nb1,Emma\nb2\nb9\nb8\n")
    done = invoke("--max-rejects", "49%")
    assert done.output.startswith("error: items.csv: 3 of 4 rows were rejected, more than 49%")


@pytest.mark.parametrize("limit", ["2", "50%"])
def test_fewer_rejects_do_not(folder, limit):
    assert invoke("--max-rejects", limit).exit_code == 0
    assert (folder / "graph/rejects.parquet").exists()


def test_what_is_in_the_way_is_said_before_anything_is_read(folder):
    (folder / "items.csv").unlink()
    done = invoke("--out", "likes.csv")
    message = "likes.csv exists and is not a graph folder: it is not replaced"
    assert (done.exit_code, done.output) == (1, f"error: {message}\n")


def test_a_folder_is_no_mapping(folder):
    done = CliRunner().invoke(app, ["import", "."])
    assert done.output == "error: . is a folder: name a TOML file\n"


def test_rows_that_were_rejected_one_and_all_are_shown(folder):
    (folder / "likes.csv").write_text("user,item\nann,x\n")
    assert "1 times; first in likes.csv, line 2: ann,x)" in invoke().output


def test_more_text_than_a_column_holds_is_one_line(folder, monkeypatch):
    monkeypatch.setattr("kg.nodes.LARGEST", 7)
    done = invoke()
    assert done.output.startswith("error: the title of all 'item' nodes is 8 bytes long")
    assert len(done.output.splitlines()) == 1


def test_sums_are_taken_once_for_each_file(folder):
    summed = MAPPING + 'weight = "plays"\nrepeats = "sum"\n'
    (folder / "mapping.toml").write_text(summed)
    (folder / "likes.csv").write_text("user,item,plays\nann,b1,3\nann,b1,4\n")
    assert invoke().exit_code == 0
    assert "Nothing new" in invoke("--into", "graph").output
    (folder / "likes.csv").write_text("user,item,plays\nann,b1,5\n")
    done = invoke("--into", "graph")
    assert done.exit_code == 0, done.output
    from kg.store import load_graph

    assert load_graph(folder / "graph").interaction_edges.weight.tolist() == [12]
