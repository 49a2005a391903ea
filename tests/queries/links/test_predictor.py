import dataclasses

import numpy as np
import pytest

from kg.errors import InputError, UnknownIdError
from kg.store import load_graph, save_graph
from queries.links import LinkPredictor
from queries.opened import Opened
from queries.recommender import Recommender
from training.bundle import save_bundle
from training.evaluation.split_files import save_split
from training.run_folder import RunFolder


def _complex_score(opened, edge_type, head, tail):
    relation = [tuple(edge) for edge in opened.bundle.about["relations"]].index(edge_type)
    z, nodes = opened.bundle.z, opened.graph.nodes
    rows = [
        z[edge_type[0]][nodes[edge_type[0]].vocab.index([head])[0]],
        opened.bundle.weights["knowledge_decoder.relation"][relation],
        z[edge_type[2]][nodes[edge_type[2]].vocab.index([tail])[0]],
    ]
    h, r, t = (row[0::2] + 1j * row[1::2] for row in rows)
    return float((h * r * t.conj()).sum().real)


def test_tails_are_the_unknown_ones_by_score(predictor, opened):
    ids, scores = predictor.tails("b1", "author")

    assert set(ids) == {"austen", "herbert"}  # Tolkien is known
    expected = [_complex_score(opened, ("item", "author", "person"), "b1", i) for i in ids]
    assert scores == pytest.approx(expected, abs=1e-5)
    assert scores[0] > scores[1]


def test_heads_have_the_scores_of_their_triples(predictor):
    ids, scores = predictor.heads("tolkien", "author", 9)

    assert len(ids) == 5
    assert "b1" not in ids
    assert scores == pytest.approx(predictor.score([(i, "author", "tolkien") for i in ids]))


def test_known_triples_may_be_included(predictor):
    ids, _ = predictor.tails("b1", "author", include_known=True)

    assert set(ids) == {"austen", "herbert", "tolkien"}
    triples = [("b1", "author", i) for i in ids]
    assert predictor.known(triples).tolist() == [i == "tolkien" for i in ids]


def test_many_are_padded_and_answered_as_alone(predictor):
    ids, scores = predictor.tails(["b1", "f2"], "author", 3)

    assert ids.shape == (2, 3)
    assert (ids[0, 2], scores[0, 2]) == ("", -np.inf)
    alone = predictor.tails("b1", "author", 3)
    assert ids[0, :2].tolist() == alone[0].tolist()
    assert scores[0, :2].tolist() == alone[1].tolist()


def test_nothing_is_its_own_answer(predictor):
    ids, _ = predictor.tails("f1", "based_on", 9, include_known=True)
    assert sorted(ids) == ["b1", "b2", "b3", "f2", "f3"]


def test_unless_the_graph_says_so(opened, make_graph):
    edges = opened.graph.edges["item", "based_on", "item"]
    loop = dataclasses.replace(edges, dst=edges.dst.copy(), src=edges.dst.copy())
    train = opened.split.train.with_edges({("item", "based_on", "item"): loop})
    split = dataclasses.replace(opened.split, train=train)
    predictor = LinkPredictor(Opened(graph=opened.graph, bundle=opened.bundle, split=split))

    assert "b1" in predictor.tails("b1", "based_on", include_known=True)[0]


def test_answers_of_one_domain(predictor):
    ids, _ = predictor.heads("tolkien", "author", 9, domain="films")
    assert sorted(ids) == ["f1", "f2", "f3"]
    with pytest.raises(InputError, match="no person is in domain"):
        predictor.tails("b1", "author", domain="films")
    with pytest.raises(InputError, match="did you mean"):
        predictor.heads("tolkien", "author", domain="film")


def test_interactions_are_what_is_recommended(predictor, opened):
    recommender = Recommender(opened.graph, opened.bundle, split=opened.split)
    ids, scores = predictor.tails("ada", "likes", 3)

    expected = recommender.recommend("ada", domain="films", k=3)
    assert ids.tolist() == expected[0].tolist()
    assert scores.tolist() == expected[1].tolist()
    books, _ = predictor.tails("ada", "likes", domain="books", include_known=True)
    assert sorted(books) == ["b1", "b2", "b3"]


def test_a_recommender_that_is_there_ranks(opened, monkeypatch):
    recommender = Recommender.of(opened)
    predictor = LinkPredictor(opened, recommender=recommender)
    monkeypatch.setattr(recommender.engine, "score", lambda users, items: np.full(len(users), 7.0))
    assert predictor.score([("ada", "likes", "f1")]).tolist() == [7]


def test_users_of_an_item_are_by_their_scores(predictor):
    ids, scores = predictor.heads(["f2", "f3"], "likes", 9)

    assert sorted(ids[0]) == ["ada", "bob", "cyd", "dan"]  # Cyd's like of f2 was held out
    assert sorted(ids[1]) == ["", "ada", "cyd", "dan"]
    triples = [(user, "likes", "f2") for user in ids[0]]
    assert scores[0] == pytest.approx(predictor.score(triples))
    assert (np.diff(scores[0]) <= 0).all()
    assert "bob" in predictor.heads("f3", "likes", include_known=True)[0]
    assert predictor.known([("bob", "likes", "f3"), ("cyd", "likes", "f2")]).tolist() == [
        True,
        False,
    ]


def test_users_of_a_domain(predictor):
    ids, _ = predictor.heads("f1", "likes", domain="films")
    assert ids.tolist() == []  # only Bob knows films, and this one too
    assert predictor.heads("f1", "likes", domain="films", include_known=True)[0].tolist() == ["bob"]


def test_users_are_scored_block_by_block(predictor, monkeypatch):
    expected = predictor.heads(["f2", "b2"], "likes", 3)
    monkeypatch.setattr("queries.links.ranked._USERS", 1)

    ids, scores = predictor.heads(["f2", "b2"], "likes", 3)

    assert ids.tolist() == expected[0].tolist()
    assert scores.tolist() == expected[1].tolist()


def test_scores_of_mixed_triples_keep_their_order(predictor):
    triples = [("b1", "genre", "romance"), ("ada", "likes", "f1"), ("b2", "genre", "fantasy")]
    together = predictor.score(triples)
    assert together.tolist() == [predictor.score([triple])[0] for triple in triples]
    assert predictor.score([]).shape == (0,)


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda p: p.tails("b1", "autor"), InputError, 'did you mean "author"'),
        (lambda p: p.tails("tolkien", "author"), UnknownIdError, "ask with --tail"),
        (lambda p: p.heads("b1", "author"), UnknownIdError, "ask with --head"),
        (lambda p: p.tails("b9", "author"), UnknownIdError, "unknown item id 'b9'"),
        (lambda p: p.tails(["b1", "b9"], "author"), UnknownIdError, "b9"),
        (lambda p: p.tails("b1", "author", node_type="genre"), InputError, "type person, not"),
        (lambda p: p.tails("b1", "author", 0), InputError, "k = 0"),
        (lambda p: p.score([("b1", "author", "nobody")]), UnknownIdError, "nobody"),
        (lambda p: p.tails("ada", "likes", domain="plays"), InputError, "plays"),
    ],
)
def test_questions_without_an_answer(predictor, ask, error, message):
    with pytest.raises(error, match=message):
        ask(predictor)


def test_a_relation_of_several_types_needs_one_named(predictor, opened):
    graph = opened.graph
    by = {("item", "genre", "person"): graph.edges["item", "author", "person"]}
    both = dataclasses.replace(
        opened,
        graph=graph.with_edges(by),
        split=dataclasses.replace(opened.split, train=opened.split.train.with_edges(by)),
    )
    asked = LinkPredictor(both)

    with pytest.raises(InputError, match="genre or person: say which with --type"):
        asked.tails("b1", "genre")
    assert set(asked.tails("b1", "genre", node_type="genre")[0]) == {"romance"}
    assert len(asked.heads("romance", "genre")[0]) == 5  # only a genre is called so


def test_a_run_folder_is_opened(opened, tmp_path):
    folder = RunFolder(tmp_path / "run")
    save_graph(opened.graph, folder.graph)
    save_split(opened.split, folder.task("user-cold").split)
    save_bundle(opened.bundle, folder.task("user-cold").model, load_graph(folder.graph))

    ids, scores = LinkPredictor.open(folder.path).tails("b1", "author")

    expected = LinkPredictor(opened).tails("b1", "author")
    assert ids.tolist() == expected[0].tolist()
    assert scores.tolist() == expected[1].tolist()
    with pytest.raises(InputError, match="no model of protocol"):
        LinkPredictor.open(folder.path, "warm")
