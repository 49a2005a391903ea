"""Lists of neighbours that are filled up against a search of everything."""

from dataclasses import replace

import numpy as np
import pytest

from encoders.models.hashing import HashingEncoder
from encoders.neighbours.edges import Neighbours, TextEdgeConfig
from encoders.neighbours.space import TextSpace
from encoders.texts.templates import TextConfig
from gnn.data import NEAR, NEAR_ACROSS
from training.prepare import text_neighbours
from training.updating.neighbours import Found, grow_neighbours

WORDS = ("dark", "comedy", "war", "love", "sea", "murder", "dragon", "robot")


@pytest.fixture
def grown(make_graph):
    """A graph with new items among the old ones, and which items are old."""
    rng = np.random.default_rng(0)
    items = {f"{d[0]}{row:02d}": d for d in ("books", "films") for row in range(20)}
    texts = {item: " ".join(rng.choice(WORDS, 4)) for item in items}
    likes = [(f"u{user}", item) for user in range(8) for item in items if rng.random() < 0.15]
    graph = make_graph(likes, items, texts=texts)
    old = np.array([int(item[1:]) % 5 != 2 for item in graph.items.vocab.ids.to_pylist()])
    return graph, old


@pytest.mark.parametrize("lexical", [0.0, 0.5])
@pytest.mark.parametrize("threshold", [0.0, 0.3])
def test_filled_up_lists_are_those_of_a_whole_search(grown, lexical, threshold):
    graph, old = grown
    config = TextEdgeConfig(k=4, lexical=lexical, threshold=threshold, across=2)
    vectors = HashingEncoder(dim=8).encode(graph.items.text.to_pylist())
    rows = np.flatnonzero(old)
    warm = np.unique(graph.interaction_edges.dst)
    before = warm[old[warm]][::2]  # others have got their first interaction since
    texts = [graph.items.text[int(row)].as_py() for row in rows]
    space = TextSpace(vectors[rows], texts, config)
    could = np.zeros(len(rows), dtype=np.bool_)
    could[np.searchsorted(rows, before)] = True
    known = space.within(graph.items.domains[rows], could)
    found = Found.of(known, np.searchsorted(rows, before), rows, len(old))

    def grow(found):
        return grow_neighbours(graph, vectors, config, TextConfig(), learned=old, found=found)

    filled, whole = grow(found), grow(None)
    np.testing.assert_allclose(
        filled[NEAR].similarity, whole[NEAR].similarity, rtol=1e-5, atol=1e-6
    )
    # items of one similarity may stand in another order
    apart = np.diff(whole[NEAR].similarity, axis=1, append=-1) < -1e-4
    apart[:, 1:] &= np.diff(whole[NEAR].similarity, axis=1) < -1e-4
    assert (filled[NEAR].rows == whole[NEAR].rows)[apart].all()
    np.testing.assert_array_equal(filled[NEAR_ACROSS].rows, whole[NEAR_ACROSS].rows)
    if not lexical:
        wanted = text_neighbours(graph, vectors, config, TextConfig())
        np.testing.assert_array_equal(whole[NEAR].rows, wanted[NEAR].rows)


def test_lists_move_with_the_rows_of_their_items():
    near = Neighbours(
        rows=np.array([[1, -1], [0, 2], [1, 0]]),
        similarity=np.array([[0.5, 0], [0.5, 0.1], [0.1, 0.05]], dtype=np.float32),
    )
    found = Found.of(near, np.array([0, 1]), np.array([0, 2, 3]), 4)
    assert found.near.rows.tolist() == [[2, -1], [-1, -1], [0, 3], [2, 0]]
    assert found.new.tolist() == [False, True, False, False]
    assert found.warm.tolist() == [True, False, True, False]


def test_without_texts_there_are_none(grown):
    graph, old = grown
    config = replace(TextEdgeConfig(), k=3)
    assert grow_neighbours(graph, None, config, TextConfig(), learned=old, found=None) == {}
