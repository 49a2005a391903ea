from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from kg.errors import InputError
from queries.batch import recommend_file
from queries.filters import Filters
from queries.probabilities import Probabilities
from queries.recommender import Recommender
from queries.second_stage import TargetRanking
from training.evaluation.calibration import Calibration
from training.evaluation.calibration_curves import Platt


def calibration(scale, slope, intercept=0.0):
    curve = Platt(slope=slope, intercept=intercept)
    return Calibration(curve=curve, scale=scale, base_rate=0.5, threshold=0.5, losses={})


@pytest.fixture
def warm(split, graph):
    """Every film was seen by somebody in training."""
    return replace(split, train=graph)


@pytest.fixture
def of_score(graph, bundle, warm):
    bundle = replace(bundle, calibration=calibration("score", 1.0))
    return Recommender(graph, bundle, split=warm)


@pytest.fixture
def of_rank(graph, bundle, warm):
    """The probability is 1 / (1 + rank)."""
    bundle = replace(bundle, calibration=calibration("rank", 1.0))
    return Recommender(graph, bundle, split=warm)


@pytest.fixture
def of_one_kind(graph, bundle, split):
    """Return the factory of models by rank, for a protocol; nobody has seen f2 in training."""

    def make(protocol, cold_items=()):
        cold = graph.items.vocab.index(list(cold_items))
        changed = replace(split, protocol=protocol, cold_items=cold)
        ranked = replace(bundle, calibration=calibration("rank", 1.0))
        return Recommender(graph, ranked, split=changed)

    return make


def test_probabilities_of_scores(of_score):
    users, items = ["ada", "cyd", "ada"], ["f1", "f2", "f3"]
    expected = 1 / (1 + np.exp(-of_score.score(users, items).astype(np.float64)))
    found = of_score.probability(users, items)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_ranks_are_among_what_is_unseen_whatever_is_allowed(of_rank):
    ids, _ = of_rank.recommend("ada", domain="films")  # ada has seen none of three
    found = of_rank.probability(["ada"] * 3, ids.tolist())
    np.testing.assert_allclose(found, [1 / 2, 1 / 3, 1 / 4])
    assert of_rank.recommend("ada", domain="films", filters=Filters(min_probability=0.3))[
        0
    ].tolist() == [*ids[:2]]
    second = of_rank.recommend(
        "ada", domain="films", filters=Filters(allow=[ids[1]], min_probability=0.3)
    )
    assert second[0].tolist() == [ids[1]]
    third = of_rank.recommend(
        "ada", domain="films", filters=Filters(exclude=ids[:2], min_probability=0.3)
    )
    assert third[0].tolist() == []
    # bob has seen two of three: what is left is his first
    [left], _ = of_rank.recommend("bob", domain="films", filters=Filters(min_probability=0.3))
    np.testing.assert_allclose(of_rank.probability(["bob"], [left]), [1 / 2])


def test_a_batch_is_padded_and_the_same(of_rank):
    ids, scores = of_rank.recommend(
        ["bob", "ada"], domain="films", k=3, filters=Filters(min_probability=0.3)
    )
    assert (ids != "").sum(axis=1).tolist() == [1, 2]
    assert np.isneginf(scores[ids == ""]).all()
    alone = of_rank.recommend("ada", domain="films", k=3, filters=Filters(min_probability=0.3))
    assert ids[1, :2].tolist() == alone[0].tolist()


def test_what_was_seen_may_be_shown(of_rank):
    ids, _ = of_rank.recommend(
        "bob", domain="films", filters=Filters(exclude_seen=False, min_probability=0.3)
    )
    assert len(ids) >= 1
    assert of_rank.probability(["bob"], ["f1"])[0] <= 0.5


@pytest.mark.parametrize(
    ("protocol", "cold_items", "judged"),
    [
        ("user-cold", [], ["f1", "f3"]),
        ("warm", [], ["f1", "f3"]),
        ("item-cold", ["f2"], ["f2"]),
        ("item-cold", [], ["f2"]),  # nobody has used it, though it was not held out
        ("item-cold", ["f1", "f2"], ["f1", "f2"]),  # which keeps a shot
    ],
)
def test_items_unlike_those_it_was_fitted_on_have_none(of_one_kind, protocol, cold_items, judged):
    model = of_one_kind(protocol, cold_items)
    ids, _ = model.recommend("ada", domain="films")
    assert len(ids) == 3

    found = model.probability(["ada"] * 3, ids.tolist())

    assert np.isfinite(found).tolist() == [film in judged for film in ids]
    np.testing.assert_allclose(found[np.isfinite(found)], 1 / (2 + np.arange(len(judged))))
    likely, _ = model.recommend("ada", domain="films", filters=Filters(min_probability=0.0))
    assert likely.tolist() == [film for film in ids if film in judged]


def test_scores_are_those_among_its_own_kind(graph, bundle, split):
    """Signals are divided by what depends on all that is ranked; on valid those were candidates."""

    class Spread:
        def score(self, users, items):
            return np.tile((items - items.mean()).astype(np.float32), (len(users), 1))

    model = replace(bundle, calibration=calibration("score", 1.0))
    every = TargetRanking(Spread(), graph.item_mask("films"))
    nothing = sparse.csr_array((len(graph.users), len(graph.items)))
    f1, f3 = graph.items.vocab.index(["f1", "f3"])

    found = Probabilities(graph, model, split, every).of_pairs(
        np.zeros(2, np.int64), np.array([f1, f3]), nothing
    )

    scores = np.array([f1, f3]) - (f1 + f3) / 2
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-scores)))


def test_a_file(of_rank, tmp_path):
    (tmp_path / "users.txt").write_text("ada\nbob\n")
    out = tmp_path / "out.csv"
    done = recommend_file(
        of_rank, tmp_path / "users.txt", out, domain="films", filters=Filters(min_probability=0.3)
    )
    assert done.written == 3


def test_refuses_other_domains_and_models_without(of_rank, graph, bundle, split):
    with pytest.raises(InputError, match="probabilities for 'films' only, not for 'books'"):
        of_rank.recommend("ada", domain="books", filters=Filters(min_probability=0.1))
    with pytest.raises(InputError, match="items of 'films' only"):
        of_rank.probability(["ada"], ["b1"])
    plain = Recommender(graph, bundle, split=split)
    with pytest.raises(InputError, match=r"no probabilities: .* evaluation\.calibration"):
        plain.recommend("ada", domain="films", filters=Filters(min_probability=0.1))
