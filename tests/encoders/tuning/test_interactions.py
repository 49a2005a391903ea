import numpy as np
import pytest
from scipy import sparse

from encoders.tuning.interactions import (
    codes_of,
    collaborative_neighbours,
    counts_by_domain,
    interaction_matrix,
    log_shares,
    relations_of,
    usable_items,
)

# item 0 and 1 share users 0, 1; item 2 has users 1, 2; item 3 a single one
MATRIX = sparse.csr_matrix(np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1]], dtype=float))


def test_items_without_text_and_held_out_ones_have_no_interactions(make_graph):
    graph = make_graph(
        [("u", "a"), ("u", "b"), ("u", "c")],
        {"a": "books", "b": "books", "c": "books"},
        texts={"a": "red", "b": "blue"},
    )
    texts = graph.items.text.to_pylist()
    held_out = graph.items.vocab.index(["b"])
    matrix = interaction_matrix(graph, usable_items(texts, held_out))
    assert matrix.indices.tolist() == graph.items.vocab.index(["a"]).tolist()


def test_shares_are_those_of_the_draw():
    weights = np.array([1.0, 0.5, 1.0, 2.0])
    shares = np.exp(log_shares(MATRIX, weights))
    by_hand = np.array(
        [1 / 1.5 + 1 / 2.5, 0.5 / 1.5 + 0.5 / 2.5, 1 / 2.5 + 1 / 3, 2 / 3],
    )
    np.testing.assert_allclose(shares, by_hand / 3, rtol=1e-6)


def test_neighbours_are_near_both_ways():
    table = collaborative_neighbours(MATRIX.T.tocsr(), 1).toarray()
    expected = np.zeros((4, 4))
    expected[0, 1] = expected[1, 0] = 1  # 2 is nearest to 0 too, but 0 has a nearer one
    np.testing.assert_allclose(table, expected, atol=1e-9)
    wide = collaborative_neighbours(MATRIX.T.tocsr(), 3).toarray()
    assert wide[0, 2] == pytest.approx(0.5)
    assert not wide[3].any()  # one user says too little
    np.testing.assert_array_equal(wide, wide.T)


def test_counts_and_codes():
    domain = np.array([0, 1, 1, 2])
    assert counts_by_domain(MATRIX, domain, 3).tolist() == [[1, 1, 0], [1, 2, 0], [0, 1, 1]]
    assert codes_of(["a", "b", "a"]).tolist() == [0, 1, 0]


def test_relations_of_users_are_left_out(make_graph):
    graph = make_graph(
        [("u", "a")],
        {"a": "books", "b": "books"},
        entities={"genre": ["g", "h"]},
        texts={"a": "red", "b": "blue", "g": "green", "u": "me"},
        relations={
            ("item", "genre", "genre"): [("a", "g"), ("b", "h")],
            ("user", "wants", "item"): [("u", "b")],
            ("item", "of", "user"): [("b", "u")],
        },
    )
    texts = {kind: nodes.text.to_pylist() for kind, nodes in graph.nodes.items()}
    (relation,) = relations_of(graph, texts)
    heads, tails = relation.matrix.nonzero()
    assert [(relation.heads[h], relation.tails[t]) for h, t in zip(heads, tails, strict=True)] == [
        ("red", "green")  # h has no text
    ]
