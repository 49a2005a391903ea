import json

import numpy as np
import pytest
import torch

from gnn import ranker
from gnn.ranker import Ranked, Ranker, fit_ranker, prior

NAMES = ("useful", "noise", "useless")


def make_lists(count=60, rows=30, hidden=2, seed=0, strength=2.0):
    """What is hidden is higher in the first signal; the others say nothing."""
    rng = np.random.default_rng(seed)
    lists = []
    for _ in range(count):
        x = rng.normal(size=(rows, 3)).astype(np.float32)
        x[:hidden, 0] += strength
        stands_for = np.ones(rows, dtype=np.float32)
        stands_for[-5:] = 7
        lists.append(Ranked(x, hidden, stands_for))
    return lists


def fitted(lists, start, seed=0, steps=60):
    draws = torch.Generator().manual_seed(seed)
    return fit_ranker(lists, start, steps=steps, learning_rate=0.1, generator=draws)


def quality(lists, ranker_):
    """The smooth NDCG, written out."""
    values = []
    for one in lists:
        found = {name: one.signals[:, column] for column, name in enumerate(ranker_.names)}
        scores = ranker_.score(found).astype(np.float64)
        gain = ideal = 0.0
        for i in range(one.num_hidden):
            ahead = 1 / (1 + np.exp(-(scores - scores[i]) / 0.5))
            gain += 1 / np.log2(1.5 + (ahead * one.stands_for).sum())
            ideal += 1 / np.log2(i + 2)
        values.append(gain / ideal)
    return float(np.mean(values))


def test_a_useful_signal_is_found_among_noise():
    start = prior(NAMES, {"noise": 1.0})
    lists = make_lists()

    found = fitted(lists, start)

    others = make_lists(seed=1)
    assert quality(others, found) > quality(others, start) + 0.3
    plain, squashed = np.split(found.weights, 2)
    at_one = np.abs(plain + squashed * np.log(4))  # what a signal of one is worth
    assert at_one[0] > 3 * max(at_one[1:])


def test_the_gain_is_smooth_ndcg():
    lists = make_lists(4, rows=9, hidden=3) + make_lists(3, rows=6, hidden=1, seed=5)
    weights = np.random.default_rng(3).normal(size=6).astype(np.float32)
    one = Ranker(NAMES, weights)

    x, stands_for, hidden = ranker._pack(lists)
    x = torch.cat([x, x.sign() * (3 * x.abs()).log1p()], dim=-1)
    discounts = 1 / torch.log2(torch.arange(3) + 2.0)
    ideal = (discounts * hidden).sum(dim=1)
    gain = ranker._smooth_ndcg(x @ torch.from_numpy(weights), stands_for, hidden, ideal)

    assert float(gain) == pytest.approx(quality(lists, one), rel=1e-5)


def test_the_generator_decides_and_nothing_else(monkeypatch):
    monkeypatch.setattr(ranker, "LISTS", 10)
    lists, start = make_lists(strength=0.5), prior(NAMES, {"noise": 1.0})
    first = fitted(lists, start, seed=1)
    torch.rand(3)

    assert np.array_equal(fitted(lists, start, seed=1).weights, first.weights)
    assert not np.array_equal(fitted(lists, start, seed=2).weights, first.weights)


def test_no_steps_are_the_prior():
    start = prior(NAMES, {"useful": 0.5, "noise": 1.0})
    np.testing.assert_allclose(fitted(make_lists(), start, steps=0).weights, start.weights)


def test_a_signal_that_never_speaks_keeps_its_weight():
    lists = [Ranked(one.signals * [1, 1, 0], 2, one.stands_for) for one in make_lists()]
    lists = [Ranked(one.signals.astype(np.float32), 2, one.stands_for) for one in lists]

    found = fitted(lists, prior(NAMES, {"useless": 0.7}))

    assert found.weights[[2, 5]] == pytest.approx([0.7, 0.0])


@pytest.mark.parametrize("rows", [1, 2])
def test_a_single_short_list(rows):
    """Signals of a single candidate are all zero: nothing can be learned, and nothing breaks."""
    lists = [Ranked(np.zeros((rows, 3), np.float32), 1, np.ones(rows, np.float32))]
    start = prior(NAMES, {"useful": 1.0})
    np.testing.assert_allclose(fitted(lists, start).weights, start.weights, atol=1e-6)


def test_more_positives_than_are_kept(monkeypatch):
    monkeypatch.setattr(ranker, "MOST_POSITIVES", 2)
    found = fitted(make_lists(hidden=4), prior(NAMES, {}))
    assert found.weights[0] + found.weights[3] > 0


def test_scores_by_hand():
    one = Ranker(("a", "b"), np.array([2, 0, 0.5, -1], dtype=np.float32))
    a = np.array([[1, -2], [0, 0]], dtype=np.float32)
    b = np.array([[0, 1], [-1, 3]], dtype=np.float32)

    expected = 2 * a + 0.5 * np.sign(a) * np.log(1 + 3 * abs(a))
    expected -= np.sign(b) * np.log(1 + 3 * abs(b))
    np.testing.assert_allclose(one.score({"b": b, "a": a}), expected, rtol=1e-6)


def test_a_missing_signal_counts_as_zero():
    one = Ranker(("a", "b"), np.array([2, 1, 0.5, -1], dtype=np.float32))
    a = np.array([[1, -2]], dtype=np.float32)

    assert np.array_equal(one.score({"a": a, "c": a}), one.score({"a": a, "b": np.zeros_like(a)}))
    with pytest.raises(ValueError, match="none of the signals a, b"):
        one.score({"c": a})


def test_signals_are_left_as_they_are():
    one = prior(("a", "b"), {"a": 1.0})
    found = {"a": np.ones((1, 2), np.float32), "b": np.ones((1, 2), np.float32)}
    one.score(found)[:] = 9
    assert (found["a"] == 1).all()
    assert (found["b"] == 1).all()


def test_prior_has_plain_weights_alone():
    one = prior(NAMES, {"noise": 0.3, "of another protocol": 5.0})
    assert one.names == NAMES
    np.testing.assert_allclose(one.weights, [0, 0.3, 0, 0, 0, 0])
    assert one.weights.dtype == np.float32


def test_json_round_trip():
    weights = np.random.default_rng(0).normal(size=6).astype(np.float32)
    one = Ranker(NAMES, weights)

    again = Ranker.from_json(json.loads(json.dumps(one.to_json())))

    assert again.names == one.names
    assert again.weights.dtype == np.float32
    assert np.array_equal(again.weights, weights)
