"""Drawn graphs of any size: the same again, power laws, people of both domains, tastes."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from encoders.channels.features import load_features
from kg.store import load_graph

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "generated.py"


def opened():
    spec = importlib.util.spec_from_file_location("generated", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["generated"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


generated = opened()
SIZE = generated.Size(edges=200_000)


@pytest.fixture(scope="module")
def drawn():
    return generated.generate(SIZE)


def test_the_same_arguments_give_the_same_graph(drawn):
    np.random.seed(7)  # noqa: NPY002
    graph, vectors = generated.generate(SIZE)
    assert graph.fingerprint == drawn[0].fingerprint
    assert np.array_equal(vectors, drawn[1])
    assert generated.generate(SIZE, seed=1)[0].fingerprint != graph.fingerprint


def test_there_are_as_many_as_were_asked_for(drawn):
    edges = drawn[0].interaction_edges
    assert 0.9 * SIZE.edges < len(edges) <= 1.02 * SIZE.edges
    assert (len(drawn[0].users), len(drawn[0].items)) == (20_000, 4_000)
    keys = edges.src * SIZE.items + edges.dst
    assert (np.diff(keys) > 0).all()  # sorted, and no pair twice


def test_people_are_drawn_in_chunks_of_their_own(monkeypatch):
    monkeypatch.setattr(generated, "CHUNK", 1_000)
    graph, _ = generated.generate(generated.Size(edges=50_000))
    edges = graph.interaction_edges
    assert (np.diff(edges.src * 1_000 + edges.dst) > 0).all()
    assert np.unique(edges.src).tolist() == list(range(5_000))


def slope(counts):
    """Return the exponent of the share of nodes that have more than so many edges."""
    values = np.unique(np.geomspace(20, counts.max() / 4, 8).astype(int))
    share = [(counts >= value).mean() for value in values]
    return np.polyfit(np.log(values), np.log(share), 1)[0]


def test_activity_and_popularity_have_long_tails(drawn):
    edges = drawn[0].interaction_edges
    activity, popularity = np.bincount(edges.src), np.bincount(edges.dst)
    assert slope(activity) == pytest.approx(1 - generated.ACTIVITY, abs=0.5)
    assert slope(popularity) == pytest.approx(-1 / generated.POPULARITY, abs=0.5)
    assert popularity.max() > 20 * np.median(popularity)


def test_some_people_are_in_both_domains(drawn):
    graph = drawn[0]
    both = (graph.user_mask("books") & graph.user_mask("films")).mean()
    assert both == pytest.approx(1 - sum(generated.ONLY), abs=0.01)
    assert (graph.items.domains.sum(axis=1) == 1).all()
    assert graph.users.domains.any(axis=1).all()


def test_texts_and_the_other_domain_say_what_is_liked(drawn):
    graph, vectors = drawn
    edges = graph.interaction_edges
    in_books = graph.item_mask("books")[edges.dst]
    profiles = []
    for some in (in_books, ~in_books):
        rows = np.zeros((len(graph.users), vectors.shape[1]))
        np.add.at(rows, edges.src[some], vectors[edges.dst[some]])
        profiles.append(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))
    shared = np.flatnonzero(graph.users.domains.all(axis=1))
    own = (profiles[0][shared] * profiles[1][shared]).sum(axis=1).mean()
    others = (profiles[0][shared] * profiles[1][np.roll(shared, 1)]).sum(axis=1).mean()
    assert own > others + 0.2


def test_rows_do_not_tell_how_popular_an_item_is(drawn):
    popularity = np.bincount(drawn[0].interaction_edges.dst, minlength=SIZE.items)
    rank = np.argsort(np.argsort(popularity))
    assert abs(np.corrcoef(np.arange(SIZE.items), rank)[0, 1]) < 0.05


def test_makers_work_on_one_topic():
    graph, vectors = generated.generate(generated.Size(edges=50_000, knowledge=True))
    edges = graph.edges[generated.MADE_BY]
    assert len(np.unique(edges.src)) == len(edges)  # one maker each
    order = np.argsort(edges.dst, kind="stable")
    same = np.flatnonzero(edges.dst[order][1:] == edges.dst[order][:-1])
    near = (vectors[edges.src[order][same]] * vectors[edges.src[order][same + 1]]).sum(axis=1)
    assert near.mean() > 0.3 > 2 * (vectors[:-1] * vectors[1:]).sum(axis=1).mean()


def test_folders_open_like_any_other(tmp_path):
    generated.write(generated.Size(edges=5_000), tmp_path, seed=3)
    graph = load_graph(tmp_path / "graph")
    features = load_features(tmp_path / "features", graph)
    assert features.vectors["item"].shape == (len(graph.items), generated.DIM)
    assert graph.users.vocab.index(["00000007"])[0] == 7
