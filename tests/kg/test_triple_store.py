"""The store of a graph that is kept: made once, for the graph as it is, whole or not there."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kg import triple_store
from kg.errors import ArtefactError
from kg.export.naming import Naming
from kg.files import locked
from kg.sparql import SparqlGraph, rows
from kg.store import load_graph, save_graph

REPOSITORY = Path(__file__).parents[2]
ITEMS = "SELECT ?id { ?item a type:item ; isthmus:id ?id } ORDER BY ?id"
SHOP = Naming(prefixes={}, beginnings={"item": "http://shop/"})


@pytest.fixture
def folder(make_graph, tmp_path):
    save_graph(of(make_graph, "b1", "b2"), tmp_path / "graph")
    return tmp_path / "graph"


def of(make_graph, *items):
    return make_graph([("ann", item) for item in items], dict.fromkeys(items, "books"))


def ids(folder):
    asked = SparqlGraph.open(folder)
    return [cell for (cell,) in rows(asked.ask(ITEMS), asked.prefixes)]


def kept(folder):
    return sorted(path.name for path in triple_store.folder_of(folder).glob("*"))


def never(*_):
    raise AssertionError("the graph was read")


def test_a_graph_is_read_once(folder, monkeypatch):
    assert ids(folder) == ["b1", "b2"]
    assert len(kept(folder)) == 1
    monkeypatch.setattr(triple_store, "load_graph", never)
    assert ids(folder) == ["b1", "b2"]


def test_another_graph_in_its_place_is_seen(folder, make_graph):
    ids(folder)
    SparqlGraph.open(folder, SHOP)
    before = kept(folder)
    save_graph(of(make_graph, "b3"), folder)
    reader = SparqlGraph.of(load_graph(folder))
    assert ids(folder) == [cell for (cell,) in rows(reader.ask(ITEMS), reader.prefixes)] == ["b3"]
    assert len(kept(folder)) == 1
    assert not set(before) & set(kept(folder))


def test_what_is_no_row_of_the_graph_changes_nothing(folder, monkeypatch):
    ids(folder)
    graph = load_graph(folder)
    shutil.rmtree(folder)
    save_graph(graph, folder)
    monkeypatch.setattr(triple_store, "load_graph", never)
    assert ids(folder) == ["b1", "b2"]


def test_other_names_have_a_store_of_their_own(folder, monkeypatch):
    ids(folder)
    assert SparqlGraph.open(folder, SHOP).ask("ASK { <http://shop/b1> ?p ?o }")
    assert len(kept(folder)) == 2
    monkeypatch.setattr(triple_store, "load_graph", never)
    assert not SparqlGraph.open(folder).ask("ASK { <http://shop/b1> ?p ?o }")
    assert SparqlGraph.open(folder, SHOP).ask("ASK { <http://shop/b1> ?p ?o }")


def test_many_read_at_once_and_go_on_when_it_is_replaced(folder, make_graph):
    first, second = SparqlGraph.open(folder), SparqlGraph.open(folder)
    save_graph(of(make_graph, "b3"), folder)
    assert ids(folder) == ["b3"]
    for asked in (first, second):
        assert [cell for (cell,) in rows(asked.ask(ITEMS), asked.prefixes)] == ["b1", "b2"]


def test_the_graph_folder_is_left_alone(folder):
    before = sorted(folder.rglob("*"))
    ids(folder)
    assert sorted(folder.rglob("*")) == before
    load_graph(folder)


def test_where_nothing_can_be_written_it_is_in_memory(folder):
    beside = triple_store.folder_of(folder)
    beside.write_text("mine")
    assert ids(folder) == ["b1", "b2"]
    assert beside.read_text() == "mine"
    beside.unlink()
    beside.mkdir()
    with locked(beside):
        assert ids(folder) == ["b1", "b2"]
    assert kept(folder) == []


def test_what_somebody_else_keeps_there_stays(folder):
    beside = triple_store.folder_of(folder)
    beside.mkdir()
    (beside / "questions").mkdir()
    (beside / "all.rq").write_text("ASK {}")
    assert ids(folder) == ["b1", "b2"]
    assert {"questions", "all.rq"} < set(kept(folder))


@pytest.mark.parametrize("lost", ["manifest.json", "store/CURRENT", "store"])
def test_a_damaged_store_is_made_anew(folder, lost, monkeypatch):
    ids(folder)
    (name,) = kept(folder)
    path = triple_store.folder_of(folder) / name / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert ids(folder) == ["b1", "b2"]
    monkeypatch.setattr(triple_store, "load_graph", never)
    assert ids(folder) == ["b1", "b2"]


def test_a_failed_write_leaves_nothing(folder, monkeypatch):
    monkeypatch.setattr(triple_store, "_write", full)
    assert ids(folder) == ["b1", "b2"]
    assert kept(folder) == []


def full(*_):
    raise OSError(28, "No space left on device")


def test_no_graph_is_an_error(tmp_path):
    with pytest.raises(ArtefactError, match="is not a graph folder"):
        SparqlGraph.open(tmp_path / "none")
    assert not triple_store.folder_of(tmp_path / "none").exists()


def test_a_process_killed_before_the_end_leaves_no_store(folder):
    """Killed when all is written and nothing has its name yet."""
    code = (
        "import os, signal, sys; from pathlib import Path; import kg.files\n"
        "kg.files._flush = lambda path: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from kg.sparql import SparqlGraph; SparqlGraph.open(Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code, folder], cwd=REPOSITORY, check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = kept(folder)
    assert left.startswith(".")
    assert ids(folder) == ["b1", "b2"]
    assert len(kept(folder)) == 1
    assert not kept(folder)[0].startswith(".")
