import numpy as np
import pytest

from gnn.ranker import Ranker, prior
from training.evaluation.split import HeldOut, Split
from training.ranking import lists
from training.ranking.lists import lists_of
from training.ranking.rehearsal import rehearse

NAMES = ("item", "user", "order", "absent")


class ByRow:
    """Signals that tell of which pair a row is; `order` is what the prior ranks by."""

    def __call__(self, users, items):
        both = np.zeros((len(users), len(items)), dtype=np.float32)
        order = ((users[:, None] * 7 + items * 13) % 31).astype(np.float32)
        return {"item": both + items, "user": both + users[:, None], "order": order}


@pytest.fixture
def start() -> Ranker:
    return prior(NAMES, {"order": 1.0})


@pytest.fixture
def fold(random_split):
    """A world of cold users, or of another protocol; candidates are many more than play."""

    def make(protocol="user-cold", **sizes):
        return next(rehearse(random_split(protocol, **sizes), 2, 100, np.random.default_rng(0)))

    return make


def made(fold, start, seed=0):
    return list(lists_of(ByRow(), fold, start, np.random.default_rng(seed)))


def known_to(fold, user):
    edges = fold.train.interaction_edges
    return np.intersect1d(edges.dst[edges.src == user], fold.valid.candidates)


@pytest.mark.parametrize("few", [False, True])
@pytest.mark.parametrize(("protocol", "shots"), [("user-cold", 0), ("user-cold", 2), ("warm", 0)])
def test_lists_hold_what_is_hidden_and_then_the_rest(
    fold, start, monkeypatch, protocol, shots, few
):
    if few:
        monkeypatch.setattr(lists, "HARD", 4)
        monkeypatch.setattr(lists, "FIRST", 1)
        monkeypatch.setattr(lists, "RANDOM", 2)
    world = fold(protocol, shots=shots)
    found = made(world, start)

    asked = np.unique(world.valid.users)
    assert len(found) == len(asked) > 2
    for user, one in zip(asked, found, strict=True):
        items = one.signals[:, 0].astype(int)
        hidden = world.valid.items[world.valid.users == user]
        known = known_to(world, user)
        assert one.num_hidden == len(hidden)
        assert np.array_equal(items[: len(hidden)], hidden)
        assert len(np.unique(items)) == len(items) == len(one.stands_for)
        assert not np.isin(items, known).any()
        assert np.isin(items, world.valid.candidates).all()
        assert (one.signals[:, 1] == user).all()
        assert not one.signals[:, 3].any()
        num_left = len(world.valid.candidates) - len(known)
        assert one.stands_for.sum() == pytest.approx(num_left)
        if few:
            assert len(items) <= len(hidden) + 4 + 2 * 1 + 2  # `user` says nothing
            assert (one.stands_for[: len(hidden)] == 1).all()
        else:
            assert (one.stands_for == 1).all()


def test_the_first_by_the_prior_are_kept(fold, start, monkeypatch):
    monkeypatch.setattr(lists, "HARD", 4)
    monkeypatch.setattr(lists, "RANDOM", 2)
    world = fold()
    users = np.unique(world.valid.users)
    for user, one in zip(users, made(world, start), strict=True):
        left = np.setdiff1d(world.valid.candidates, known_to(world, user))
        order = (user * 7 + left * 13) % 31
        bar = np.sort(order)[-4]
        kept = one.signals[:, 0].astype(int)[one.stands_for == 1]
        assert np.isin(left[order > bar], kept).all()


def test_the_first_by_each_signal_are_kept(fold, start, monkeypatch):
    """`item` praises what the prior has no place for."""
    monkeypatch.setattr(lists, "HARD", 1)
    monkeypatch.setattr(lists, "FIRST", 3)
    monkeypatch.setattr(lists, "RANDOM", 0)
    world = fold()
    users = np.unique(world.valid.users)
    for user, one in zip(users, made(world, start), strict=True):
        left = np.setdiff1d(world.valid.candidates, known_to(world, user))
        kept = one.signals[:, 0].astype(int)[one.stands_for == 1]
        assert np.isin(np.sort(left)[-3:], kept).all()


def test_of_many_hidden_some_are_drawn(fold, start, monkeypatch):
    monkeypatch.setattr(lists, "MOST_POSITIVES", 2)
    world = fold()
    counts = np.unique(world.valid.users, return_counts=True)[1]
    assert counts.max() > 2

    found = made(world, start)

    assert [one.num_hidden for one in found] == np.minimum(counts, 2).tolist()
    for user, one in zip(np.unique(world.valid.users), found, strict=True):
        hidden = world.valid.items[world.valid.users == user]
        items = one.signals[:, 0].astype(int)
        assert np.isin(items[: one.num_hidden], hidden).all()
        assert not np.isin(items[one.num_hidden :], hidden).any()  # right answers, not wrong ones
        num_wrong = len(world.valid.candidates) - len(known_to(world, user)) - len(hidden)
        assert one.stands_for[one.num_hidden :].sum() == pytest.approx(num_wrong)


def test_blocks_change_nothing(fold, start, monkeypatch):
    monkeypatch.setattr(lists, "RANDOM", 2)
    monkeypatch.setattr(lists, "HARD", 2)
    world = fold()
    whole = made(world, start)
    monkeypatch.setattr(lists, "BLOCK_BYTES", 1)
    for one, other in zip(whole, made(world, start), strict=True):
        assert np.array_equal(one.signals, other.signals)
        assert np.array_equal(one.stands_for, other.stands_for)


def test_a_world_without_candidates_gives_no_list(make_graph, start):
    """The one user who knew a film plays cold: no film is left to be ranked."""
    graph = make_graph([("ann", "b"), ("bob", "b"), ("ann", "f")], {"b": "books", "f": "films"})
    nothing = np.zeros(0, dtype=np.int64)
    part = HeldOut(users=nothing, items=nothing, candidates=nothing)
    split = Split(
        protocol="user-cold",
        sources=("books",),
        target="films",
        train=graph,
        valid=part,
        test=part,
        cold_users=nothing,
        cold_items=nothing,
    )
    (world,) = rehearse(split, 3, 10, np.random.default_rng(0))
    assert made(world, start) == []
