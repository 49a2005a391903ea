import dataclasses
import logging
from collections.abc import Callable

import numpy as np
import pytest

from encoders.knowledge.enrich import EnrichConfig, enrich, item_texts
from kg.errors import ConfigError
from kg.graph import Edges, KnowledgeGraph
from kg.settings import build

ITEMS = {f"{domain}-{n}": domain for domain in ("books", "films") for n in range(4)}
TEXTS = {
    "books-0": "A whale and the deep sea",
    "books-1": "Deep sea, lost gold",
    "books-2": "Castle of dragons",
    "books-3": "Dragons in a castle; lost gold",
    "films-0": "The deep sea",
    "films-1": "Dragons again",
    "films-2": "A train heist",
    "films-3": "Another train heist",
}
LIKES = [("ann", "books-0"), ("ann", "films-0"), ("bob", "books-2"), ("bob", "films-1")]
CONFIG = EnrichConfig(extractor="phrases", min_nodes=2, max_share=0.5)
EDGE = ("item", "mentions", "phrase")


@pytest.fixture
def graph(make_graph: Callable[..., KnowledgeGraph]) -> KnowledgeGraph:
    return make_graph(LIKES, ITEMS, texts=TEXTS)


def mentions(graph: KnowledgeGraph) -> dict[str, set[str]]:
    edges, phrases = graph.edges[EDGE], graph.nodes["phrase"].vocab
    found: dict[str, set[str]] = {}
    pairs = zip(graph.items.vocab.to_ids(edges.src), phrases.to_ids(edges.dst), strict=True)
    for item, phrase in pairs:
        found.setdefault(phrase, set()).add(item)
    return found


def test_phrases_that_items_share_become_nodes(graph: KnowledgeGraph) -> None:
    rich = enrich(graph, CONFIG, cache=None)
    assert mentions(rich) == {
        "deep sea": {"books-0", "books-1", "films-0"},
        "lost gold": {"books-1", "books-3"},
        "castle": {"books-2", "books-3"},
        "dragons": {"books-2", "books-3", "films-1"},
        "train heist": {"films-2", "films-3"},
    }
    nodes = rich.nodes["phrase"]
    assert nodes.text.to_pylist() == nodes.title.to_pylist() == nodes.vocab.ids.to_pylist()
    domains = dict(zip(nodes.vocab.ids.to_pylist(), nodes.domains.tolist(), strict=True))
    assert domains["deep sea"] == [True, True]
    assert domains["castle"] == [True, False]
    weight = rich.edges[EDGE].weight
    assert weight.dtype == np.float32
    assert weight.mean() == pytest.approx(1)
    assert weight.min() > 0


def test_all_else_stays(graph: KnowledgeGraph) -> None:
    rich = enrich(graph, CONFIG, cache=None)
    assert rich.domains == graph.domains
    assert rich.interactions == graph.interactions
    assert all(rich.nodes[name] is graph.nodes[name] for name in graph.nodes)
    assert all(rich.edges[name] is graph.edges[name] for name in graph.edges)
    assert enrich(graph, EnrichConfig(), cache=None) is graph


def test_shared_only_keeps_what_joins_domains(graph: KnowledgeGraph) -> None:
    config = dataclasses.replace(CONFIG, shared_only=True)
    assert set(mentions(enrich(graph, config, cache=None))) == {"deep sea", "dragons"}


def test_interactions_say_nothing(graph: KnowledgeGraph) -> None:
    none = np.empty(0, dtype=np.int64)
    blind = graph.with_edges(
        {graph.interactions: Edges(src=none, dst=none, weight=np.empty(0, dtype=np.float32))}
    )
    before, after = (enrich(some, CONFIG, cache=None) for some in (graph, blind))
    assert before.nodes["phrase"].vocab.ids == after.nodes["phrase"].vocab.ids
    for column in ("src", "dst", "weight"):
        np.testing.assert_array_equal(
            getattr(before.edges[EDGE], column), getattr(after.edges[EDGE], column)
        )


def test_order_of_items_does_not_matter(
    graph: KnowledgeGraph, make_graph: Callable[..., KnowledgeGraph]
) -> None:
    again = make_graph(
        LIKES[::-1], dict(reversed(ITEMS.items())), texts=TEXTS, domains=graph.domains
    )
    one, other = (enrich(some, CONFIG, cache=None) for some in (graph, again))
    assert one.fingerprint == other.fingerprint


def test_per_node_and_max_phrases_are_kept(graph: KnowledgeGraph) -> None:
    rich = enrich(graph, dataclasses.replace(CONFIG, per_node=1), cache=None)
    assert np.bincount(rich.edges[EDGE].src).max() == 1
    assert min(map(len, mentions(rich).values())) >= 2
    rich = enrich(graph, dataclasses.replace(CONFIG, max_phrases=2), cache=None)
    assert set(mentions(rich)) == {"deep sea", "dragons"}


def test_a_hub_says_nothing(make_graph: Callable[..., KnowledgeGraph]) -> None:
    texts = {item: f"paper, {'ink' if item.endswith('0') else 'glue'}" for item in ITEMS}
    graph = make_graph(LIKES, ITEMS, texts=texts)
    assert set(mentions(enrich(graph, CONFIG, cache=None))) == {"ink"}


def test_nothing_shared_leaves_the_graph(
    make_graph: Callable[..., KnowledgeGraph], caplog: pytest.LogCaptureFixture
) -> None:
    graph = make_graph(LIKES, ITEMS)
    with caplog.at_level(logging.WARNING):
        assert enrich(graph, CONFIG, cache=None) is graph
    assert "nothing was added" in caplog.text


def test_a_name_that_is_taken(
    make_graph: Callable[..., KnowledgeGraph], caplog: pytest.LogCaptureFixture
) -> None:
    graph = make_graph(LIKES, ITEMS, texts=TEXTS, entities={"phrase": ["a"], "phrase-2": ["b"]})
    with caplog.at_level(logging.WARNING):
        rich = enrich(graph, CONFIG, cache=None)
    assert ("item", "mentions", "phrase-3") in rich.edges
    assert "'phrase-3'" in caplog.text
    assert rich.nodes["phrase"] is graph.nodes["phrase"]


def test_title_and_text_are_read_once(make_graph: Callable[..., KnowledgeGraph]) -> None:
    import pyarrow as pa

    graph = make_graph([("ann", "a")], dict.fromkeys("abcd", "books"))
    items = dataclasses.replace(
        graph.items,
        title=pa.array(["Tea", "Tea", "", ""]),
        text=pa.array(["Green Tea", "Leaves ", "Leaves", ""]),
    )
    graph = dataclasses.replace(graph, nodes={**graph.nodes, "item": items})
    assert item_texts(graph) == ["Green Tea", "Tea. Leaves", "Leaves", ""]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"extractor": "entitys"}, "entities"),
        ({"extractor": "entities"}, "needs model"),
        ({"extractor": "zero-shot", "model": "m"}, "needs labels"),
        ({"extractor": "chat", "model": "m"}, "needs endpoint"),
        ({"extractor": "chat", "model": "m", "endpoint": "file:///x"}, "needs endpoint"),
        ({"per_node": 0}, "at least 1"),
        ({"min_nodes": 1}, "joins nothing"),
        ({"max_share": 0.0}, "max_share"),
        ({"min_node": 3}, "min_nodes"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        build(EnrichConfig, settings, "knowledge")
