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


def test_items_are_found_by_what_their_users_have_beside(graph):
    texts = graph.items.text.to_pylist()
    held_out = graph.items.vocab.index(["books-0", "books-1", "films-3", "films-4"])
    questions = make_questions(graph, texts, held_out, np.random.default_rng(0))
    assert len(questions.hits) == 16  # each user, in each domain
    aside = {texts[row] for row in held_out}
    for history, candidates, hits in zip(
        questions.histories, questions.candidates, questions.hits, strict=True
    ):
        assert not aside & {questions.texts[row] for row in history}
        named = [questions.texts[row] for row in candidates]
        assert set(named) <= aside
        assert len({name.split("-")[0] for name in named}) == 1
        assert hits.sum() == 1
    assert retrieval(questions, by_parity) == 1
    worst = retrieval(questions, lambda texts: np.zeros((len(texts), 2), dtype=np.float32))
    assert worst == pytest.approx(1 / np.log2(2.5))


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
