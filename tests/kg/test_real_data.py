"""Imports of public data, against the counts that are published with them."""

import os
import time
from pathlib import Path

import pytest

from kg.importer import import_graph
from kg.inspect import describe

REPOSITORY = Path(__file__).parents[2]
DATA = Path(os.environ.get("ISTHMUS_DATA", REPOSITORY.parent / "shared" / "data"))

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no data at {DATA}; set ISTHMUS_DATA"),
]


@pytest.fixture
def load(monkeypatch):
    monkeypatch.setenv("ISTHMUS_DATA", str(DATA))
    return lambda name: import_graph(REPOSITORY / "benchmarks" / "mappings" / f"{name}.toml")


def domains_of(imported):
    found = describe(imported.graph)
    return {d.name: (d.items, d.users) for d in found.domains}, found.user_overlap[0][-1]


def test_food_kitchen(load):
    imported = load("food-kitchen")
    domains, overlap = domains_of(imported)
    assert {name: items for name, (items, _) in domains.items()} == {"food": 8661, "kitchen": 27637}
    assert overlap == 9398
    assert len(imported.graph.users) == 53061
    assert [account.rows for account in imported.accounts] == [36298, 436127]
    assert imported.rejects.num_rows == 0


def test_toys_beauty_without_the_knowledge_graph(load):
    imported = load("toys-beauty-text")
    domains, overlap = domains_of(imported)
    assert domains == {"beauty": (12101, 22363), "toys": (11924, 19412)}
    assert overlap == 2073
    assert len(imported.graph.interaction_edges) == 366099


@pytest.mark.slow
def test_toys_beauty_with_the_knowledge_graph(load):
    start = time.process_time()
    imported = load("toys-beauty")
    seconds = time.process_time() - start
    graph = imported.graph
    counts = {edge_type[1]: 0 for edge_type in graph.edges}
    for edge_type, edges in graph.edges.items():
        counts[edge_type[1]] += len(edges)
    assert counts == {
        "also_bought": 891182,
        "also_viewed": 155350,
        "bought_together": 9021,
        "brand": 10003,
        "category": 49756,
        "interacts": 366099,
    }
    assert {kind: len(graph.nodes[kind]) for kind in ("brand", "category")} == {
        "brand": 2076,
        "category": 248,
    }
    assert len(graph.items) == 24025
    assert sum(account.rows for account in imported.accounts) == 24025 + 366099 + 1119960
    assert imported.rejects.num_rows == 0
    assert seconds < 30  # of processor time; half of it on an idle machine


def test_lastfm_dbpedia(load):
    imported = load("lastfm-dbpedia")
    graph = imported.graph
    assert len(graph.users) == 1865
    assert len(graph.interaction_edges) == 78633
    knowledge = [
        len(edges) for edge_type, edges in graph.edges.items() if edge_type[1] != "interacts"
    ]
    assert sum(knowledge) == 110921 - sum(a.merged for a in imported.accounts)
    assert set(imported.rejects["reason"].to_pylist()) == {
        "id is given twice with different content"  # one resource for two artist names
    }
