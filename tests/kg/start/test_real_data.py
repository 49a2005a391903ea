"""First mappings of public data import as they are, and give what the mappings by hand give."""

import os
from collections import Counter
from pathlib import Path

import pytest

from kg.importer import import_graph
from kg.start.look import start
from training.config import load_job

REPOSITORY = Path(__file__).parents[3]
DATA = Path(os.environ.get("ISTHMUS_DATA", REPOSITORY.parent / "shared" / "data"))

pytestmark = [
    pytest.mark.data,
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no data at {DATA}; set ISTHMUS_DATA"),
]


def counts(graph, names=lambda domain: domain):
    items = {names(d): int(graph.item_mask(d).sum()) for d in graph.domains}
    nodes = Counter({kind: len(found) for kind, found in graph.nodes.items()})
    # what no table has is a type of its own by hand
    nodes["entity"] += nodes.pop("product", 0)
    edges = Counter()
    for (_, relation, _), found in graph.edges.items():
        edges[relation] += len(found)
    return items, nodes, edges


def compare(name, by_hand, tmp_path, monkeypatch, names=lambda domain: domain):
    monkeypatch.setenv("ISTHMUS_DATA", str(DATA))
    found = start(sorted((DATA / name).glob("*.gz")), tmp_path)
    mine = import_graph(tmp_path / "mapping.toml")
    theirs = import_graph(REPOSITORY / "benchmarks" / "mappings" / f"{by_hand}.toml")
    assert counts(mine.graph) == counts(theirs.graph, names)
    assert mine.rejects.num_rows == theirs.rejects.num_rows
    task = load_job(tmp_path / "job.toml", ()).task
    assert {task.target, *task.sources} == set(mine.graph.domains)
    assert mine.graph.items.text.equals(theirs.graph.items.text)
    return found, task


def test_food_kitchen(tmp_path, monkeypatch):
    found, task = compare("food-kitchen", "food-kitchen", tmp_path, monkeypatch)
    assert [left.path.name.startswith("cold-") for left in found.plan.left_out] == [True] * 4
    assert task.cold_users.name == "cold-users-in-food.tsv.gz"
    assert task.cold_items.name == "cold-items-in-food.tsv.gz"


def test_toys_beauty(tmp_path, monkeypatch):
    found, task = compare("toys-beauty", "toys-beauty", tmp_path, monkeypatch)
    assert [left.path.name.startswith("cold-") for left in found.plan.left_out] == [True] * 4
    assert task.cold_users is not None


def test_lastfm_dbpedia(tmp_path, monkeypatch):
    found, task = compare(
        "lastfm-dbpedia",
        "lastfm-dbpedia",
        tmp_path,
        monkeypatch,
        {"music": "artists"}.__getitem__,
    )
    assert found.plan.left_out == []
    assert task.protocols == ("warm",)


def test_the_example(tmp_path):
    example = REPOSITORY / "examples" / "books-and-films"
    start([example / "catalogue.ttl", example / "interactions.csv"], tmp_path)
    mine = import_graph(tmp_path / "mapping.toml")
    theirs = import_graph(example / "graph.toml")
    names = {"books": "book", "films": "film"}.__getitem__
    assert counts(mine.graph) == counts(theirs.graph, names)
    assert mine.rejects.num_rows == theirs.rejects.num_rows
