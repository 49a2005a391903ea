from dataclasses import replace

import numpy as np
import pytest

from kg.errors import ArtefactError, FingerprintError, InputError, UnknownIdError
from kg.store import save_graph
from queries.filters import Filters
from queries.recommender import Recommender


@pytest.fixture
def recommender(graph, bundle):
    return Recommender(graph, bundle)


def scores_of(graph, bundle, user):
    row = graph.users.vocab.index([user])[0]
    z = bundle.z
    scores = z["item"] @ z["user"][row] + bundle.item_bias
    return dict(zip(graph.items.vocab.ids.to_pylist(), scores, strict=True))


def best(scores, items, k):
    return sorted(items, key=lambda item: -scores[item])[:k]


def test_one_user_gives_one_dimension(recommender, graph, bundle):
    ids, scores = recommender.recommend("ada", domain="films", k=2)
    expected = scores_of(graph, bundle, "ada")
    assert ids.tolist() == best(expected, ["f1", "f2", "f3"], 2)
    assert scores.shape == (2,)
    np.testing.assert_allclose(scores, [expected[item] for item in ids], rtol=1e-6)


def test_many_users_give_two_dimensions(recommender):
    ids, scores = recommender.recommend(["cyd", "ada", "ada"], domain="films", k=2)
    assert ids.shape == scores.shape == (3, 2)
    for row, user in enumerate(["cyd", "ada", "ada"]):
        alone, alone_scores = recommender.recommend(user, domain="films", k=2)
        assert ids[row].tolist() == alone.tolist()
        np.testing.assert_array_equal(scores[row], alone_scores)


def test_no_users_give_no_rows(recommender):
    ids, scores = recommender.recommend([], domain="films", k=2)
    assert ids.shape == scores.shape == (0, 2)


def test_what_was_seen_is_left_out_unless_asked(recommender):
    ids, _ = recommender.recommend("bob", domain="films")
    assert ids.tolist() == ["f2"]
    ids, _ = recommender.recommend("bob", domain="films", filters=Filters(exclude_seen=False))
    assert sorted(ids) == ["f1", "f2", "f3"]


def test_a_batch_is_padded(recommender):
    ids, scores = recommender.recommend(["bob", "dan"], domain="films", k=4)
    assert ids[0].tolist() == ["f2", "", "", ""]
    assert np.isneginf(scores[0, 1:]).all()
    assert sorted(ids[1].tolist()) == ["", "f1", "f2", "f3"]


def test_allow_and_exclude(recommender):
    ids, _ = recommender.recommend("dan", domain="films", filters=Filters(allow=["f1", "f3", "b1"]))
    assert sorted(ids) == ["f1", "f3"]
    ids, _ = recommender.recommend(
        "dan", domain="films", filters=Filters(exclude=["f1"], allow=["f1", "f3"])
    )
    assert ids.tolist() == ["f3"]
    ids, _ = recommender.recommend("dan", domain="films", filters=Filters(allow=[]))
    assert ids.shape == (0,)


def test_held_out_interactions_can_be_recommended(graph, split, bundle):
    recommender = Recommender(graph, bundle, split=split)
    ids, _ = recommender.recommend("cyd", domain="films")
    assert "f2" in ids
    assert Recommender(graph, bundle).recommend("cyd", domain="films")[0].tolist() != ids.tolist()


def test_similar_is_by_cosine_across_domains(recommender, bundle, graph):
    z = bundle.z["item"]
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    order = np.argsort(-(unit @ unit[0]))
    ids, cosines = recommender.similar("b1", k=5)
    assert ids.tolist() == graph.items.vocab.to_ids(order[1:])
    np.testing.assert_allclose(cosines, (unit @ unit[0])[order[1:]], rtol=1e-5)
    films, _ = recommender.similar(["b1", "f1"], domain="films", k=3)
    assert films[0].tolist() == [item for item in ids if item[0] == "f"]
    assert "f1" not in films[1].tolist()
    people, _ = recommender.similar("tolkien", node_type="person")
    assert sorted(people) == ["austen", "herbert"]


def test_score_gives_the_scores_of_recommend(recommender):
    ids, scores = recommender.recommend(["ada", "dan"], domain="films", k=3)
    for user, row, row_scores in zip(["ada", "dan"], ids, scores, strict=True):
        np.testing.assert_array_equal(recommender.score([user] * 3, row.tolist()), row_scores)
    with pytest.raises(InputError, match="as many users as items"):
        recommender.score(["ada"], ["f1", "f2"])


def test_titles(recommender):
    assert recommender.title("b1") == "The Hobbit"
    assert recommender.title("ada", "user") == "Ada"
    assert recommender.title("cyd", "user") == "cyd"
    assert recommender.titles(["f2", "", "b2"]) == ["Clueless", "", "Emma"]


def test_nearest_seen(recommender, bundle):
    z = bundle.z["item"]
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    item, cosine = recommender.nearest_seen("ada", "f1")
    expected = {"b1": unit[0] @ unit[3], "b3": unit[2] @ unit[3]}
    assert item == max(expected, key=expected.get)
    assert cosine == pytest.approx(expected[item])
    assert recommender.nearest_seen("dan", "f1") is None


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda r: r.recommend("adda", domain="films"), "unknown user id 'adda', did you mean"),
        (lambda r: r.recommend(["ada", "x", "y"], domain="films"), r"user id 'x' \(and 1 more\)"),
        (
            lambda r: r.recommend("ada", domain="films", filters=Filters(exclude=["f9"])),
            "unknown item id 'f9'",
        ),
        (lambda r: r.score(["ada"], ["f9"]), "unknown item id 'f9'"),
        (lambda r: r.similar("b9"), "unknown item id 'b9'"),
        (lambda r: r.explain("ada", "b9"), "unknown item id 'b9'"),
        (lambda r: r.explain("x", "b1"), "unknown user id 'x'"),
    ],
)
def test_unknown_ids(recommender, ask, message):
    with pytest.raises(UnknownIdError, match=message) as caught:
        ask(recommender)
    assert "\n" not in str(caught.value)


def test_unknown_names_have_a_hint(recommender):
    with pytest.raises(InputError, match="unknown domain 'filns', did you mean \"films\""):
        recommender.recommend("ada", domain="filns")
    with pytest.raises(InputError, match="unknown node type 'persons', did you mean \"person\""):
        recommender.similar("tolkien", node_type="persons")
    with pytest.raises(InputError, match="k = 0"):
        recommender.recommend("ada", domain="films", k=0)


def test_opens_a_run(run, graph, bundle, split):
    opened = Recommender.open(run)
    ids, scores = opened.recommend("cyd", domain="films")
    expected = Recommender(graph, bundle, split=split).recommend("cyd", domain="films")
    assert ids.tolist() == expected[0].tolist()
    np.testing.assert_array_equal(scores, expected[1])
    assert "f2" in ids  # held out, so not seen
    assert Recommender.load(run).recommend("cyd", domain="films")[0].tolist() == ids.tolist()


def test_a_run_without_a_split_was_trained_on_everything(run):
    (run / "user-cold" / "split").rename(run / "elsewhere")
    ids, _ = Recommender.open(run).recommend("cyd", domain="films")
    assert "f2" not in ids


def test_refuses_what_is_not_there(run, tmp_path):
    with pytest.raises(ArtefactError, match="no such run folder"):
        Recommender.open(tmp_path / "nowhere")
    with pytest.raises(ArtefactError, match="holds no trained model"):
        Recommender.open(tmp_path)
    with pytest.raises(InputError, match=r"no model of protocol 'warm' .*it has: user-cold"):
        Recommender.open(run, "warm")


def test_refuses_a_model_of_another_graph(run, graph):
    edges = graph.interaction_edges
    fewer = graph.with_edges({graph.interactions: edges.take(np.arange(3))})
    save_graph(fewer, run / "graph")
    with pytest.raises(FingerprintError, match="was trained on another graph"):
        Recommender.open(run)


def test_refuses_nan_and_other_shapes(graph, bundle):
    broken = bundle.z["item"].copy()
    broken[2, 1] = np.nan
    with pytest.raises(ArtefactError, match="damaged: 'item' holds NaN"):
        Recommender(graph, replace(bundle, z={**bundle.z, "item": broken}))
    with pytest.raises(ArtefactError, match="5 rows of 'item bias', the graph has 6"):
        Recommender(graph, replace(bundle, item_bias=bundle.item_bias[:5]))
