import importlib.util
import logging

import numpy as np
import pytest

from encoders.neighbours.approximate import approximate_neighbours, wants_approximate
from encoders.neighbours.exact import Words, nearest_neighbours
from encoders.neighbours.lexical import Lexicon
from kg.errors import ConfigError

needs_faiss = pytest.mark.skipif(importlib.util.find_spec("faiss") is None, reason="needs faiss")


@pytest.fixture
def vectors():
    """Forty groups of fifty texts."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(40, 16)).repeat(50, axis=0)
    return (centres + 0.3 * rng.normal(size=centres.shape)).astype(np.float32)


@needs_faiss
def test_nearly_all_neighbours_are_found_with_their_exact_similarity(vectors, caplog):
    with caplog.at_level(logging.INFO, logger="encoders.neighbours.approximate"):
        rows, near = approximate_neighbours(vectors[:300], vectors, 10)
    exact, cosine = nearest_neighbours(vectors[:300], vectors, 10)

    hits = [len(np.intersect1d(a, b)) for a, b in zip(rows, exact, strict=True)]
    assert np.mean(hits) / 10 > 0.97
    assert (rows[:, 0] == exact[:, 0]).all()
    np.testing.assert_allclose(near[:, 0], cosine[:, 0], rtol=1e-5)
    assert (np.diff(near, axis=1) <= 0).all()
    assert "recall" in caplog.text


@needs_faiss
def test_words_reorder_candidates(vectors):
    texts = [f"kind{i % 7} thing" for i in range(len(vectors))]
    lexical = Lexicon(texts).vectors
    words = Words(lexical[:20], lexical, 0.02)
    rows, near = approximate_neighbours(vectors[:20], vectors, 5, words=words)
    exact, similarity = nearest_neighbours(vectors[:20], vectors, 5, words=words)

    hits = [len(np.intersect1d(a, b)) for a, b in zip(rows, exact, strict=True)]
    assert np.mean(hits) / 5 > 0.9
    np.testing.assert_allclose(near[:, 0], similarity[:, 0], rtol=1e-4)


@needs_faiss
def test_the_same_seed_gives_the_same_answer(vectors):
    first, again = (approximate_neighbours(vectors[:50], vectors, 5, seed=3)[0] for _ in range(2))

    assert (first == again).all()


@needs_faiss
def test_zero_rows_and_too_few_keys(vectors):
    vectors[1] = 0
    rows, near = approximate_neighbours(vectors[:3], vectors[:2], 4)

    assert rows.tolist() == [[0, -1, -1, -1], [-1] * 4, [0, -1, -1, -1]]
    assert near[1].tolist() == [0] * 4
    assert (approximate_neighbours(vectors[:2], 0 * vectors, 2)[0] == -1).all()


def test_small_searches_are_exact_and_large_ones_use_what_there_is(monkeypatch, caplog):
    assert not wants_approximate("auto", 1_000, 1_000)
    assert not wants_approximate("exact", 10**6, 10**6)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not wants_approximate("auto", 10**6, 10**6)
    assert "isthmus[faiss]" in caplog.text
    with pytest.raises(ConfigError, match=r"isthmus\[faiss\]"):
        wants_approximate("approximate", 10, 10)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert wants_approximate("auto", 10**6, 10**6)
    assert wants_approximate("approximate", 10, 10)
