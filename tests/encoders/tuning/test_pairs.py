from dataclasses import fields

import numpy as np
import pytest

from encoders.tuning.config import PairWeights
from encoders.tuning.pairs import PairSource
from kg.errors import InputError

NOBODY = np.zeros(0, dtype=np.int64)


def only(**weights):
    return PairWeights(**{**{kind.name: 0.0 for kind in fields(PairWeights)}, **weights})


@pytest.fixture
def graph(make_graph):
    """Even users have even items, odd users odd ones; the text of an item is its own."""
    items = {f"{d}-{n}": d for d in ("books", "films") for n in range(6)}
    pairs = [(f"u{u}", item) for u in range(8) for item in items if int(item[-1]) % 2 == u % 2]
    return make_graph(
        pairs,
        {**items, "lonely": "books"},
        texts={name: f"text {name}" for name in [*items, "lonely", "even", "odd"]},
        entities={"parity": ["even", "odd"]},
        relations={
            ("item", "parity", "parity"): [
                (item, "odd" if int(item[-1]) % 2 else "even") for item in items
            ]
        },
    )


@pytest.fixture
def texts(graph):
    return {kind: nodes.text.to_pylist() for kind, nodes in graph.nodes.items()}


def parity(text):
    return "odd" if text[-1] in "13579d" else "even"


@pytest.mark.parametrize("kind", ["items", "across", "knowledge"])
def test_pairs_belong_together_and_others_of_a_kind_are_no_negatives(graph, texts, kind):
    source = PairSource(graph, texts, only(**{kind: 1.0}), held_out=NOBODY)
    rng = np.random.default_rng(0)
    for _ in range(10):
        batch = source.draw(6, rng)
        assert len(batch.anchors) == len(batch.candidates)
        for row, anchor in enumerate(batch.anchors):
            assert parity(anchor) == parity(batch.candidates[row])
            assert anchor != batch.candidates[row]
            same = [parity(anchor) == parity(other) for other in batch.candidates]
            assert batch.known[row].tolist() == same  # a shared user, or a shared entity
        ends = {
            (a.split()[1][:5], c.split()[1][:5])
            for a, c in zip(batch.anchors, batch.candidates, strict=True)
        }
        if kind == "items":
            assert len(ends) == 1
            assert all(a == c for a, c in ends)
        if kind == "across":
            assert all(a != c for a, c in ends)


def test_histories_do_not_tell_the_item(graph, texts):
    source = PairSource(graph, texts, only(histories=1.0), held_out=NOBODY)
    batch = source.draw(8, np.random.default_rng(0))
    assert len(batch.anchors) == 8
    for row, history in enumerate(batch.anchors):
        domain, _, titles = history.removeprefix("In ").partition(": ")
        read = titles.split(", ")
        assert all(title.startswith(f"text {domain}") for title in read)
        assert batch.candidates[row] not in read
        assert {parity(title) for title in read} == {parity(batch.candidates[row])}
        same = [parity(batch.candidates[row]) == parity(other) for other in batch.candidates]
        assert batch.known[row].tolist() == same


def test_soft_targets_say_how_alike(graph, texts):
    source = PairSource(graph, texts, only(neighbours=1.0), held_out=NOBODY)
    batch = source.draw(8, np.random.default_rng(0))
    assert batch.candidates == []
    even = np.array([parity(text) == "even" for text in batch.anchors])
    np.testing.assert_allclose(batch.targets, even[:, None] == even[None, :], atol=1e-6)


def test_held_out_items_are_never_drawn(graph, texts):
    word = "text films-2"
    held_out = graph.items.vocab.index(["films-2"])
    kinds = {"items": 1.0, "across": 1.0, "histories": 1.0, "neighbours": 1.0}
    near = np.tile(np.arange(len(graph.items)), (len(graph.items), 1))
    for rows, seen in ((held_out, False), (NOBODY, True)):
        source = PairSource(graph, texts, only(**kinds), held_out=rows, near=near, hard_negatives=2)
        rng = np.random.default_rng(0)
        batches = [source.draw(8, rng) for _ in range(40)]
        read = "; ".join(text for batch in batches for text in batch.anchors + batch.candidates)
        assert (word in read) is seen


def test_hard_negatives_are_near_and_have_interactions(graph, texts):
    items = graph.items.vocab
    near = np.full((len(graph.items), 2), -1)
    near[:, 0] = items.index(["lonely"])[0]
    near[items.index(["books-0", "books-2", "books-4"])] = items.index(["books-1", "lonely"])
    near[items.index(["books-1", "books-3", "books-5"]), 1] = items.index(["books-0"])[0]
    source = PairSource(graph, texts, only(items=1.0), held_out=NOBODY, near=near, hard_negatives=1)
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(10):
        batch = source.draw(4, rng)
        assert batch.known.shape == (4, len(batch.candidates)) == (4, len(batch.log_popularity))
        seen |= set(batch.candidates[4:])
    assert seen == {"text books-0", "text books-1"}  # that lonely has no user is not to be learned


def test_popular_items_are_not_in_every_pair(make_graph):
    items = {f"i{n}": "books" for n in range(21)}
    pairs = [(f"u{n}", item) for n in range(20) for item in ("i20", f"i{n}", f"i{(n + 1) % 20}")]
    graph = make_graph(pairs, items, texts={item: item for item in items})
    texts = {"item": graph.items.text.to_pylist()}
    source = PairSource(graph, texts, only(items=1.0), held_out=NOBODY)
    rng = np.random.default_rng(0)
    anchors = [anchor for _ in range(100) for anchor in source.draw(10, rng).anchors]
    share = anchors.count("i20") / len(anchors)
    row = graph.items.vocab.index(["i20"])[0]
    weights = np.array([1 / np.sqrt(20), 1 / np.sqrt(2), 1 / np.sqrt(2)])
    assert share == pytest.approx(weights[0] / weights.sum(), abs=0.04)
    assert np.exp(source._log_popularity[row]) == pytest.approx(share, abs=0.04)


def test_equal_texts_are_no_negatives(make_graph):
    items = {name: "books" for name in "abcdef"}
    pairs = [("u", "a"), ("u", "b"), ("v", "c"), ("v", "d"), ("w", "e"), ("w", "f")]
    said = {"a": "same", "b": "B", "c": "same", "d": "D", "e": "E", "f": "B"}
    graph = make_graph(pairs, items, texts=said)
    source = PairSource(
        graph, {"item": graph.items.text.to_pylist()}, only(items=1.0), held_out=NOBODY
    )
    batch = source.draw(3, np.random.default_rng(1))
    for row, anchor in enumerate(batch.anchors):
        for column, other in enumerate(batch.candidates):
            if other in (anchor, batch.candidates[row]):
                assert batch.known[row, column]


def test_one_generator_gives_one_batch(graph, texts):
    source = PairSource(graph, texts, PairWeights(), held_out=NOBODY)
    first, again = (source.draw(6, np.random.default_rng(3)) for _ in range(2))
    assert (first.anchors, first.candidates) == (again.anchors, again.candidates)


def test_a_graph_without_pairs_is_refused(make_graph):
    graph = make_graph([("u", "a")], {"a": "books"}, texts={"a": "red"})
    with pytest.raises(InputError, match="no pairs"):
        PairSource(graph, {"item": ["red"]}, PairWeights(knowledge=1), held_out=NOBODY)
