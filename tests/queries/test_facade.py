from pathlib import Path

import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import isthmus
from kg.errors import ArtefactError, ConfigError, InputError, UnknownIdError
from queries.facade import Isthmus
from queries.filters import Filters
from queries.recommender import Recommender

SMALL = {
    "encoder.model": "hashing",
    "encoder.dim": 16,
    "neighbours.k": 2,
    "model.width": 8,
    "model.layers": 1,
    "training.negatives": 8,
    "training.batch_size": 64,
    "training.device": "cpu",
    "ranking.folds": 0,
}


@pytest.fixture(scope="module")
def frames(two_domain_checkerboard):
    """Interactions and items of the checkerboard."""
    graph = two_domain_checkerboard()
    ids, edges = graph.items.vocab.ids.to_pylist(), graph.interaction_edges
    users = graph.users.vocab.to_ids(edges.src)
    likes = pd.DataFrame({"user": users, "item": graph.items.vocab.to_ids(edges.dst)})
    number = [int(item[-2:]) for item in ids]
    items = pd.DataFrame({"id": ids, "domain": [item[:5] for item in ids], "number": number})
    return likes, items.assign(title=items["id"].str.replace("-", " "))


@pytest.fixture(scope="module")
def fitted(frames, tmp_path_factory):
    cache = str(tmp_path_factory.mktemp("cache"))
    settings = {**SMALL, "encoder.cache": cache}
    return Isthmus("films", sources=["books"], settings=settings).fit(*frames)


def test_recommends(fitted, frames):
    likes, _ = frames
    found = fitted.recommend(["user-05", "user-00"], k=3)
    assert list(found.columns[:5]) == ["user", "rank", "item", "title", "score"]
    assert set(found["user"]) <= {"user-05", "user-00"}
    known = set(map(tuple, likes.itertuples(index=False)))
    assert not known & set(zip(found["user"], found["item"], strict=True))


def test_nobody_gets_what_fit_was_told_they_know(fitted, frames):
    """Those held out for the model to stop on are no exception."""
    likes, _ = frames
    recommender = fitted.recommender_
    assert len(recommender.train.interaction_edges) < len(likes)
    found = fitted.recommend(k=20)
    known = set(map(tuple, likes.itertuples(index=False)))
    assert not known & set(zip(found["user"], found["item"], strict=True))
    assert len(found) == 20 * 20 - len(likes) + 20 * 5 - 20 * 5 - 100  # films that they do not know
    everything = fitted.recommend(k=20, filters=Filters(exclude_seen=False))
    assert len(everything) == 20 * 10


def test_filters(fitted):
    high = fitted.recommend("user-00", k=20, filters=Filters(where="number>=7"))
    assert set(high["item"]) == {"films-07", "films-09"}
    given = {"user": ["user-00"], "item": ["films-07"]}
    less = fitted.recommend("user-00", k=20, filters=Filters(where="number>=7", given=given))
    assert set(less["item"]) == {"films-09"}
    books = fitted.recommend("user-00", k=20, domain="books")
    assert set(books["item"].str[:5]) == {"books"}


def test_one_series_of_users(fitted):
    users = pd.Series(["user-01", "user-02"], index=[5, 6])
    pd.testing.assert_frame_equal(fitted.recommend(users), fitted.recommend(list(users)))


def test_conventions_of_scikit_learn(fitted):
    params = fitted.get_params()
    copy = clone(fitted)
    assert copy.get_params() == params
    assert not hasattr(copy, "recommender_")
    assert copy.set_params(protocol="warm", seed=3) is copy
    assert (copy.protocol, copy.seed) == ("warm", 3)
    assert "protocol='warm'" in repr(copy)
    with pytest.raises(NotFittedError):
        copy.recommend("user-00")
    with pytest.raises(NotFittedError):
        copy.save("nowhere")
    with pytest.raises(ValueError, match="Invalid parameter 'tarket'"):
        copy.set_params(tarket="books")


def test_what_is_saved_is_a_run(fitted, tmp_path):
    fitted.save(tmp_path / "shop")
    loaded = Isthmus.load(tmp_path / "shop")
    assert loaded.get_params() == {**fitted.get_params(), "sources": ["books"]}
    pd.testing.assert_frame_equal(loaded.recommend(k=5), fitted.recommend(k=5))
    ids, _ = Recommender.open(tmp_path / "shop").recommend("user-00", domain="films", k=2)
    assert len(ids) == 2
    with pytest.raises(InputError, match="is there already"):
        fitted.save(tmp_path / "shop")
    with pytest.raises(ArtefactError, match=r"estimator.json is missing"):
        Isthmus.load(tmp_path / "nowhere")


def test_a_second_fit_replaces_the_first(frames, fitted, tmp_path):
    likes, items = frames
    model = clone(fitted).fit(likes, items)
    first = model.recommend(["user-01"])
    folder = model._run
    again = model.fit(likes[likes["user"] != "user-19"], items)
    assert again is model
    assert not folder.exists()
    assert len(model.recommend(["user-01"])) == len(first)
    with pytest.raises(UnknownIdError, match="unknown user id 'user-19'"):
        model.recommend("user-19")


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"target": "filns"}, InputError, "unknown domain 'filns', did you mean \"films\""),
        ({"protocol": "cold"}, ConfigError, "protocols"),
        ({"settings": {"training.epoch": 1}}, ConfigError, 'did you mean "epochs"'),
        ({"settings": {"training": 1}}, ConfigError, "training"),
    ],
)
def test_bad_parameters(frames, params, error, message):
    model = Isthmus(**{"target": "films", "settings": SMALL, **params})
    with pytest.raises(error, match=message):
        model.fit(*frames)


@pytest.mark.slow
def test_the_example(tmp_path):
    """The books and films that ship, as frames: films for people of whom only books are known."""
    from kg.importer import import_graph

    example = Path(isthmus.__file__).parent / "examples" / "books-and-films"
    graph = import_graph(example / "graph.toml").graph
    items, edges = graph.items, graph.interaction_edges
    catalogue = pd.DataFrame(
        {
            "id": items.vocab.ids.to_pylist(),
            "domain": [graph.domains[row.argmax()] for row in items.domains],
            "title": items.title.to_pylist(),
            "text": items.text.to_pylist(),
            "year": items.attributes["year"].to_pylist(),
        }
    )
    likes = pd.DataFrame(
        {
            "user": graph.users.vocab.to_ids(edges.src),
            "item": items.vocab.to_ids(edges.dst),
            "weight": edges.weight,
            "time": edges.time,
        }
    )
    likes = likes[likes["user"] < "e"]
    cold = sorted(set(likes["user"]))[::10]
    films = likes["item"].str.startswith("film:")
    hidden = likes[films & likes["user"].isin(cold)]
    settings = {"encoder.cache": str(tmp_path), "training.device": "cpu", "ranking.folds": 1}
    settings |= {"encoder.model": "lsa", "model.width": 64}
    model = Isthmus("films", sources=["books"], settings=settings)
    users = pd.DataFrame({"id": graph.users.vocab.ids.to_pylist()})
    model.fit(likes.drop(hidden.index), catalogue, users)
    asked = sorted(set(hidden["user"]))
    found = model.recommend(asked, k=20)
    truth = set(zip(hidden["user"], hidden["item"], strict=True))
    hits = [pair in truth for pair in zip(found["user"], found["item"], strict=True)]
    assert sum(hits) / len(truth) > 0.12  # by chance 20 of 383 films find a twentieth
    assert found["probability"].between(0, 1).all()
