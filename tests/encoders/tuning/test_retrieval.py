import numpy as np
import pytest

from encoders.tuning.retrieval import hold_out_items, make_questions, ndcg, retrieval
from kg.errors import InputError


def test_ndcg_is_the_closed_form():
    scores = np.array([0.9, 0.8, 0.7, 0.1])
    hits = np.array([False, True, False, True])
    expected = (1 / np.log2(3) + 1 / np.log2(5)) / (1 + 1 / np.log2(3))
    assert ndcg(scores, hits) == pytest.approx(expected)
    assert ndcg(scores, hits, k=2) == pytest.approx((1 / np.log2(3)) / (1 + 1 / np.log2(3)))
    assert ndcg(np.zeros(3), np.array([True, False, False])) == pytest.approx(
        1 / np.log2(3)
    )  # rank 2 of 3


@pytest.fixture
def graph(make_graph):
    items = {f"{d}-{n}": d for d in ("books", "films") for n in range(6)}
    pairs = [(f"u{u}", item) for u in range(8) for item in items if int(item[-1]) % 2 == u % 2]
    return make_graph(pairs, items, texts={item: f"text {item}" for item in items})


def by_parity(texts):
    return np.eye(2, dtype=np.float32)[[int(text[-1]) % 2 for text in texts]]


def test_items_are_found_by_what_is_near_to_them(graph):
    texts = graph.items.text.to_pylist()
    held_out = graph.items.vocab.index(["books-0", "books-1", "films-3", "films-4"])
    questions = make_questions(graph, texts, held_out, np.random.default_rng(0))
    aside = {texts[row] for row in held_out}
    assert len(questions.domains) == 2
    for question in questions.domains:
        assert question.hits.shape == (8, 2)
        assert (question.hits.sum(axis=1) == 1).all()
        candidates, lenders = (
            {questions.texts[row] for row in rows}
            for rows in (question.candidates, question.lenders)
        )
        assert candidates <= aside
        assert not lenders & aside
        assert len({name.split("-")[0] for name in candidates | lenders}) == 1
    assert retrieval(questions, by_parity) == 1
    worst = retrieval(questions, lambda texts: np.zeros((len(texts), 2), dtype=np.float32))
    assert worst == pytest.approx(1 / np.log2(2.5))
    assert retrieval(questions, lambda texts: by_parity(texts)[:, ::-1]) == 1


def test_likings_come_from_interactions_that_are_not_asked_for(make_graph):
    items = dict.fromkeys(["a", "b", "c", "d"], "books")
    pairs = [("u", "a"), ("u", "c"), ("v", "a"), ("v", "b"), ("w", "b"), ("w", "d")]
    graph = make_graph(pairs, items, texts={name: name for name in items})
    held_out = graph.items.vocab.index(["c", "d"])
    (question,) = make_questions(
        graph, graph.items.text.to_pylist(), held_out, np.random.default_rng(0)
    ).domains
    # u has a alone, v has a and b, w has b alone: u likes b through v, by 1/2 * 1/sqrt(2) * 1/2
    a, b = 1 / np.sqrt(2), 1 / 2  # entries of the normalised rows of u and of v
    np.testing.assert_allclose(
        question.liking, [[a**3 + b**2 * a, a * b**2], [a * b**2, a**3 + b**2 * a]], rtol=1e-6
    )


def test_only_items_with_interactions_are_kept_out(make_graph):
    graph = make_graph(
        [("u", "a"), ("u", "b"), ("v", "c")],
        {name: "books" for name in "abcde"},
        texts={name: name for name in "abde"},
    )
    texts = graph.items.text.to_pylist()
    held_out = hold_out_items(graph, texts, 1.0, np.random.default_rng(0))
    assert held_out.tolist() == graph.items.vocab.index(["a", "b"]).tolist()
    with pytest.raises(InputError, match="too few interactions"):
        make_questions(graph, texts, held_out, np.random.default_rng(0))
