import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kg.errors import ArtefactError
from kg.graph import Edges, KnowledgeGraph, Nodes
from kg.importer import Imported
from kg.rejects import Account, RejectLog
from kg.store import load_graph, load_imported, save_graph
from kg.vocab import Vocab

AWKWARD = "a/b,c: é"  # a type that no file could be called by


def nodes(kind, ids, domains, **attributes):
    return Nodes(
        vocab=Vocab(pa.array(ids, pa.string()), kind),
        title=pa.array([f"{i}!" for i in ids], pa.string()),
        text=pa.array(["" for _ in ids], pa.string()),
        domains=np.array(domains, dtype=np.bool_),
        attributes=pa.table(attributes),
    )


@pytest.fixture
def graph():
    def edges(*rows, time=None):
        src, dst = np.array(rows, dtype=np.int64).reshape(-1, 2).T.copy()
        weight = np.linspace(1, 2, len(src), dtype=np.float32)
        return Edges(src=src, dst=dst, weight=weight, time=time)

    return KnowledgeGraph(
        domains=("a", "b"),
        nodes={
            "user": nodes("user", ["u1", "ü2"], [[1, 0], [1, 1]]),
            "item": nodes("item", ["i1", "i2"], [[1, 1], [0, 0]], id=pa.array([1.5, None])),
            AWKWARD: nodes(AWKWARD, [], np.zeros((0, 2))),
        },
        edges={
            ("user", "likes", "item"): edges((0, 0), (1, 1), time=np.array([3.0, 4.0])),
            ("item", "x,y", AWKWARD): edges(),
            ("item", "x", "item"): edges((0, 1)),
        },
        interactions=("user", "likes", "item"),
    )


def assert_same(one, two):
    assert one.fingerprint == two.fingerprint
    assert (one.domains, one.interactions) == (two.domains, two.interactions)
    assert list(one.nodes) == list(two.nodes)
    assert list(one.edges) == list(two.edges)
    for kind in one.nodes:
        assert one.nodes[kind].title.equals(two.nodes[kind].title)
        assert one.nodes[kind].attributes.equals(two.nodes[kind].attributes)
        assert np.array_equal(one.nodes[kind].domains, two.nodes[kind].domains)
        assert one.nodes[kind].vocab.kind == two.nodes[kind].vocab.kind
    for name in one.edges:
        assert np.array_equal(one.edges[name].weight, two.edges[name].weight)
        times = one.edges[name].time, two.edges[name].time
        assert (times[0] is None) == (times[1] is None)
        assert times[0] is None or np.array_equal(*times)


def test_a_graph_is_read_back_as_it_was(graph, tmp_path):
    save_graph(graph, tmp_path / "graph")
    assert_same(load_graph(tmp_path / "graph"), graph)


def test_edges_come_in_batches(graph, tmp_path, monkeypatch):
    save_graph(graph, tmp_path / "graph")
    monkeypatch.setattr("kg.store.BATCH", 1)
    assert_same(load_graph(tmp_path / "graph"), graph)


def test_a_graph_without_domains_is_read_back(graph, tmp_path, make_graph):
    plain = make_graph([("u", "i")], {"i": ()})
    save_graph(plain, tmp_path / "graph")
    assert load_graph(tmp_path / "graph").items.domains.shape == (1, 0)
    assert plain.fingerprint == load_graph(tmp_path / "graph").fingerprint


def test_rejects_and_accounts_are_kept_beside_the_graph(graph, tmp_path):
    log = RejectLog()
    log.add("f.csv", 3, "raw,text", "unknown item")
    log.add("f.ttl", None, "x", "y")
    accounts = (Account(file="f.csv", section="edges[0]", rows=3, loaded=2, rejected=1, merged=1),)
    save_graph(Imported(graph=graph, rejects=log.table(), accounts=accounts), tmp_path / "graph")

    imported = load_imported(tmp_path / "graph")

    assert_same(imported.graph, graph)
    assert imported.accounts == accounts
    assert imported.rejects.to_pylist() == [
        {"file": "f.csv", "line": 3, "raw": "raw,text", "reason": "unknown item"},
        {"file": "f.ttl", "line": None, "raw": "x", "reason": "y"},
    ]


def test_node_files_can_be_read_by_other_tools(graph, tmp_path):
    save_graph(graph, tmp_path / "graph")
    table = pq.read_table(tmp_path / "graph" / "nodes" / "item.parquet")
    assert table.select(["id", "domains", "attribute.id"]).to_pylist() == [
        {"id": "i1", "domains": ["a", "b"], "attribute.id": 1.5},
        {"id": "i2", "domains": [], "attribute.id": None},
    ]


def test_a_graph_is_replaced_in_one_step(graph, tmp_path, monkeypatch):
    save_graph(graph, tmp_path / "graph")

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("kg.store._edge_table", fail)
    with pytest.raises(OSError, match="disk full"):
        save_graph(graph, tmp_path / "graph")

    assert_same(load_graph(tmp_path / "graph"), graph)
    assert [path.name for path in tmp_path.iterdir()] == ["graph"]


@pytest.mark.parametrize("name", ["schema.json", "nodes/item.parquet", "rejects.parquet"])
def test_a_damaged_or_missing_file_is_named(graph, tmp_path, name):
    save_graph(graph, tmp_path / "graph")
    file = tmp_path / "graph" / name
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(ArtefactError, match=f"{name} does not match its checksum"):
        load_graph(tmp_path / "graph")
    file.unlink()
    with pytest.raises(ArtefactError, match=f"{name} is missing"):
        load_graph(tmp_path / "graph")


def test_another_format_is_refused(graph, tmp_path, monkeypatch):
    monkeypatch.setattr("kg.store.FORMAT", 99)
    save_graph(graph, tmp_path / "graph")
    monkeypatch.undo()
    assert json.loads((tmp_path / "graph" / "schema.json").read_text())["format"] == 99
    with pytest.raises(ArtefactError, match="graph format 99"):
        load_graph(tmp_path / "graph")


def test_no_graph_folder_is_an_error(tmp_path):
    with pytest.raises(ArtefactError, match="is not a graph folder"):
        load_graph(tmp_path)


def test_reading_a_graph_needs_nothing_of_the_import(graph, tmp_path):
    save_graph(graph, tmp_path / "graph")
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from kg.store import load_graph\n"
        f"load_graph(Path({str(tmp_path / 'graph')!r}))\n"
        "assert not {'kg.importer', 'kg.linking', 'pyoxigraph'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
