from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from kg.errors import InputError, UnknownIdError
from queries.filters import Filters
from queries.recommender import Recommender


@pytest.fixture
def recommender(graph, bundle):
    return Recommender(graph, bundle)


def films(recommender, user="dan", **settings):
    ids, _ = recommender.recommend(user, domain="films", filters=Filters(**settings))
    return ids.tolist()


def test_by_default_what_was_seen_is_left_out(recommender):
    assert films(recommender, "bob") == ["f2"]
    assert sorted(films(recommender, "bob", exclude_seen=False)) == ["f1", "f2", "f3"]


def test_one_id_may_stand_alone(recommender):
    assert films(recommender, allow="f1") == ["f1"]
    assert "f1" not in films(recommender, exclude="f1")
    assert films(recommender, where="writer=herbert") == ["f3"]


def test_pairs_given_before_are_left_out_for_their_user(recommender):
    given = pa.table({"user": ["dan", "ada", "x", "dan"], "item": ["f1", "f2", "f3", "f9"]})
    assert sorted(films(recommender, given=given)) == ["f2", "f3"]
    assert sorted(films(recommender, "ada", given=given)) == ["f1", "f3"]
    assert films(recommender, "bob", given=given) == ["f2"]
    filters = Filters(given=given)
    ids, _ = recommender.recommend(["dan", "ada"], domain="films", k=3, filters=filters)
    assert [sorted(row) for row in ids.tolist()] == [["", "f2", "f3"], ["", "f1", "f3"]]
    again = films(recommender, "bob", given=given, exclude_seen=False)
    assert sorted(again) == ["f1", "f2", "f3"]


def test_answers_of_before_are_pairs(recommender):
    before = recommender.recommend_table(["dan"], domain="films", k=1)
    [first] = before["item"].to_pylist()
    assert first not in films(recommender, given=before)


def test_conditions(recommender):
    assert films(recommender, where=["writer=herbert"]) == ["f3"]
    assert films(recommender, where=["writer=herbert", "writer=tolkien"]) == []


def test_diversity_and_popularity_reorder_and_keep_scores(recommender, graph, bundle):
    ids, scores = recommender.recommend("dan", domain="films")
    plain = dict(zip(ids, scores, strict=True))
    far = Filters(popularity_weight=100.0)  # f2 is used by one, as f1 and f3 are
    ids, scores = recommender.recommend("dan", domain="films", filters=far)
    assert dict(zip(ids, scores, strict=True)) == plain
    edges = graph.interaction_edges
    one = graph.with_edges({graph.interactions: edges.take(edges.src != edges.src.max())})
    alone = Recommender(one, replace(bundle))  # nobody uses f2 now
    assert alone.recommend("dan", domain="films", filters=far)[0][0] == "f2"
    favoured = Filters(popularity_weight=-100.0)
    assert alone.recommend("dan", domain="films", filters=favoured)[0][-1] == "f2"
    varied = Filters(diversity=1.0)
    ids, scores = recommender.recommend("dan", domain="films", filters=varied)
    assert dict(zip(ids, scores, strict=True)) == plain
    z = bundle.z["item"] / np.linalg.norm(bundle.z["item"], axis=1, keepdims=True)
    rows = graph.items.vocab.index(ids.tolist())
    assert z[rows[0]] @ z[rows[1]] <= z[rows[0]] @ z[rows[2]]


def test_the_pool_bounds_what_is_reordered(recommender):
    best, _ = recommender.recommend("dan", domain="films", k=1)
    narrow = Filters(diversity=1.0, pool=1)
    assert recommender.recommend("dan", domain="films", k=1, filters=narrow)[0] == best


def test_an_answer_does_not_depend_on_who_else_was_asked(recommender):
    filters = Filters(diversity=0.5, popularity_weight=0.1)
    together, scores = recommender.recommend(["ada", "dan"], domain="films", filters=filters)
    for row, user in enumerate(["ada", "dan"]):
        alone, own = recommender.recommend(user, domain="films", filters=filters)
        assert together[row][: len(alone)].tolist() == alone.tolist()
        np.testing.assert_array_equal(scores[row][: len(alone)], own)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_probability": 1.5}, "min_probability = 1.5: expected from 0 to 1"),
        ({"min_probability": float("nan")}, "min_probability = nan"),
        ({"diversity": -0.1}, "diversity = -0.1: expected from 0 to 1"),
        ({"popularity_weight": float("inf")}, "popularity_weight = inf: expected a finite number"),
        ({"pool": 0}, "pool = 0: expected at least 1"),
        ({"given": pa.table({"user": ["ada"]})}, "given: expected columns user and item"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(InputError, match=message):
        Filters(**settings)


def test_unknown_items_are_refused(recommender):
    with pytest.raises(UnknownIdError, match="unknown item id 'f9'"):
        films(recommender, exclude=["f9"])
    with pytest.raises(UnknownIdError, match="unknown item id 'f9'"):
        films(recommender, allow=["f9"])


def test_settings_as_json_tell_lists_apart():
    many = [f"item-{number}" for number in range(100)]
    one, other = Filters(exclude=many).to_json(), Filters(exclude=many[1:]).to_json()
    assert one["exclude"].startswith("100 with hash ")
    assert one["exclude"] != other["exclude"]
    assert Filters(exclude=["a"]).to_json()["exclude"] == ["a"]
    pairs = pa.table({"user": ["a"] * 30, "item": many[:30]})
    changed = pa.table({"user": ["b"] * 30, "item": many[:30]})
    assert Filters(given=pairs).to_json() != Filters(given=changed).to_json()
    assert Filters().to_json()["allow"] is None
