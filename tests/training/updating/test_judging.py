"""How new interactions are ranked before they enter."""

from dataclasses import replace

import numpy as np
import pytest

from training.evaluation.split import HeldOut
from training.updating.judging import (
    Ranks,
    compared,
    questions,
    ranks_of,
    without_new_targets,
)
from training.updating.origin import Origin


class Best:
    """Gives every item its row as a score."""

    name = "rows"

    def score(self, users, items):
        return np.tile(items.astype(np.float32), (len(users), 1))


def test_each_interaction_is_asked_for_alone(checkerboard_split):
    split = checkerboard_split()
    items = split.train.items.vocab.index(["films-08", "films-06", "films-01"])
    users = split.train.users.vocab.index(["user-00", "user-00", "user-02"])
    candidates = np.flatnonzero(split.train.item_mask("films"))
    asked = HeldOut(users=users, items=items, candidates=candidates)
    ranks = ranks_of(Best(), split, asked, seed=0, block_bytes=2**20)
    # films-09 stands before both; films-08 is no rival of films-06
    assert ranks.owner.tolist() == [0, 0, 1]
    assert ranks.ranks.tolist() == [2, 3, 9]
    assert ranks.candidates == 10
    values = ranks.ndcg(10)
    wanted = [(1 / np.log2(3) + 1 / np.log2(4)) / 2, 1 / np.log2(10)]
    np.testing.assert_allclose(values, wanted)


def test_among_fewer_candidates_ranks_are_nearer():
    ranks = Ranks(ranks=np.array([1.0, 91.0]), owner=np.array([0, 1]), candidates=901)
    np.testing.assert_allclose(ranks.ndcg(91), [1, 1 / np.log2(11)])
    np.testing.assert_allclose(ranks.ndcg(901), [1, 0])


def test_of_two_parts_the_difference_and_its_interval():
    rng = np.random.default_rng(0)
    owner = np.arange(200)
    good = Ranks(ranks=rng.integers(1, 5, 200).astype(float), owner=owner, candidates=100)
    bad = Ranks(ranks=rng.integers(5, 12, 200).astype(float), owner=owner, candidates=100)
    found = compared(bad, good, 0)
    assert found["difference"]["high"] < 0
    assert found["new"]["low"] < found["new"]["mean"] < found["new"]["high"]
    assert found["new"]["mean"] == pytest.approx(bad.ndcg(100).mean())
    same = compared(good, good, 0)
    assert same["difference"]["low"] < 0 < same["difference"]["high"]


def _pairs(split, *pairs):
    users, items = zip(*pairs, strict=True)
    vocabs = split.train.users.vocab, split.train.items.vocab
    return np.stack([vocabs[0].index(list(users)), vocabs[1].index(list(items))])


def test_a_model_is_asked_what_it_was_trained_for(checkerboard_split):
    split = checkerboard_split()  # user-00 to user-03 have no film
    pairs = _pairs(split, ("user-00", "films-02"), ("user-09", "films-02"))
    cold = questions(split, pairs)
    assert cold.users.tolist() == [0]
    assert len(cold.candidates) == 10
    warm = questions(replace(split, protocol="warm"), pairs)
    assert warm.users.tolist() == [9]
    assert not len(questions(replace(split, protocol="item-cold"), pairs))


def test_only_new_interactions_of_the_target_enter_late(checkerboard_split):
    split = checkerboard_split()
    edges = split.train.interaction_edges
    new = np.isin(edges.src, [8, 9])
    earlier, pairs = without_new_targets(split, new)
    films = split.train.item_mask("films")
    assert films[pairs[1]].all()
    assert set(pairs[0].tolist()) == {8, 9}
    left = earlier.train.interaction_edges
    assert len(left) == len(edges) - pairs.shape[1]
    assert films[left.dst[np.isin(left.src, [8, 9])]].sum() == 0


def test_what_training_saw_is_read_as_it_was_written(make_graph, tmp_path):
    graph = make_graph([("ann", "a"), ("bob", "a")], {"a": "books", "b": "films"})
    ranks = Ranks(ranks=np.array([1.5, 2.0]), owner=np.array([0, 1]), candidates=7)
    Origin.of(graph, {"warm": ranks}).save(tmp_path)
    found = Origin.load(tmp_path)
    assert found.popularity.tolist() == [2, 0]
    assert found.valid["warm"].ranks.tolist() == [1.5, 2.0]
    assert found.valid["warm"].candidates == 7
    larger = make_graph([("ann", "a"), ("bob", "a0")], {"a": "books", "a0": "books", "b": "films"})
    assert found.known(larger).tolist() == [True, False, True]
    assert found.counts(larger).tolist() == [2, 0, 0]
    assert Origin.load(tmp_path / "none") is None
