import dataclasses

import numpy as np
import pytest

from training.evaluation.split import HeldOut
from training.ranking.rehearsal import rehearse

PROTOCOLS = ["user-cold", "item-cold", "warm"]


def keys(split, graph=None):
    edges = (graph or split.train).interaction_edges
    return edges.src * len(split.train.items) + edges.dst


def hidden_by(split, fold):
    return np.setdiff1d(keys(split), keys(fold))


def folds_of(split, folds=3, limit=1_000, seed=0):
    return list(rehearse(split, folds, limit, np.random.default_rng(seed)))


@pytest.mark.parametrize("shots", [0, 2])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_to_be_predicted_is_not_in_train(random_split, protocol, shots):
    split = random_split(protocol, shots=shots)

    folds = folds_of(split)

    assert len(folds) == 3
    for fold in folds:
        asked = fold.valid.users * len(split.train.items) + fold.valid.items
        assert len(asked)
        assert not np.isin(asked, keys(fold)).any()
        assert np.isin(asked, hidden_by(split, fold)).all()
        assert np.isin(keys(fold), keys(split)).all()  # nothing comes in
        assert np.isin(fold.valid.items, fold.valid.candidates).all()
        assert np.array_equal(np.argsort(asked), np.arange(len(asked)))  # sorted, nothing twice
        # of users without anything left nothing could be predicted
        assert np.isin(fold.valid.users, fold.train.interaction_edges.src).all()
        lost = split.train.user_mask("films") & ~fold.train.user_mask("films")
        assert not fold.train.users.domains[lost, split.train.domain_index("films")].any()


@pytest.mark.parametrize("shots", [0, 2])
def test_users_lose_the_target_and_keep_the_sources(random_split, shots):
    split = random_split("user-cold", shots=shots)
    edges = split.train.interaction_edges
    film = split.train.item_mask("films")
    played: list[int] = []
    for fold in folds_of(split):
        hidden = hidden_by(split, fold)
        users, items = np.divmod(hidden, len(split.train.items))
        players = np.unique(users)
        assert film[items].all()
        left = fold.train.interaction_edges
        mine = np.isin(left.src, players)
        counts = np.bincount(left.src[mine & film[left.dst]], minlength=len(fold.train.users))
        assert (counts[players] == shots).all()
        before = np.isin(edges.src, players) & ~film[edges.dst]
        assert (mine & ~film[left.dst]).sum() == before.sum() > 0
        assert not set(played) & set(players)
        played += players.tolist()
        trained = np.unique(left.dst)
        assert np.array_equal(fold.valid.candidates, trained[film[trained]])
        assert not len(fold.cold_items)
    assert played


@pytest.mark.parametrize("shots", [0, 2])
def test_items_lose_everything(random_split, shots):
    split = random_split("item-cold", shots=shots)
    before = np.bincount(split.train.interaction_edges.dst, minlength=len(split.train.items))
    played: list[int] = []
    for fold in folds_of(split):
        players = fold.valid.candidates
        after = np.bincount(fold.train.interaction_edges.dst, minlength=len(before))
        assert np.array_equal(fold.cold_items, players)
        assert split.train.item_mask("films")[players].all()
        assert np.array_equal(after[players], np.minimum(before[players], shots))
        others = np.setdiff1d(np.arange(len(before)), players)
        assert np.array_equal(after[others], before[others])
        assert not set(played) & set(players)
        played += players.tolist()
    assert played


def test_a_tenth_of_the_target_goes_in_warm(random_split):
    split = random_split("warm")
    film = split.train.item_mask("films")
    num_films = film[split.train.interaction_edges.dst].sum()
    hidden = [hidden_by(split, fold) for fold in folds_of(split)]
    for some in hidden:
        assert len(some) == num_films // 10
        assert film[some % len(film)].all()
    assert len(np.unique(np.concatenate(hidden))) == sum(map(len, hidden))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_the_job_holds_out_is_not_read(random_split, protocol):
    split = random_split(protocol)
    wrong = HeldOut(users=np.array([10**6]), items=np.array([-7]), candidates=np.array([10**6]))
    poisoned = dataclasses.replace(split, valid=wrong, test=wrong, unranked=np.array([[-5], [-5]]))

    for one, other in zip(folds_of(split), folds_of(poisoned), strict=True):
        assert one.train.fingerprint == other.train.fingerprint
        for name in ("users", "items", "candidates"):
            assert np.array_equal(getattr(one.valid, name), getattr(other.valid, name))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_draws_are_those_of_the_generator(random_split, protocol):
    split = random_split(protocol)
    first, again, other = (
        [fold.train.fingerprint for fold in folds_of(split, seed=seed)] for seed in (0, 0, 1)
    )
    assert first == again != other


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("limit", [1, 6])
def test_no_more_play_than_the_limit(random_split, protocol, limit):
    folds = folds_of(random_split(protocol), limit=limit)

    asked = [len(np.unique(fold.valid.users)) for fold in folds]
    assert all(asked)
    assert sum(asked) <= max(limit, len(folds))


def test_most_of_those_who_know_both_domains_stay(random_split):
    split = random_split("user-cold")
    both = split.train.user_mask("films") & split.train.user_mask("books")
    (fold,) = folds_of(split, folds=1)
    left = fold.train.user_mask("films") & fold.train.user_mask("books")
    assert left.sum() >= 0.75 * both.sum()


def test_nobody_plays_where_nobody_is_shared(random_split):
    split = random_split("user-cold")
    edges = split.train.interaction_edges
    film = split.train.item_mask("films")[edges.dst]
    alone = (edges.src % 2 == 0) == film
    train = split.train.with_edges({split.train.interactions: edges.take(alone)})

    assert folds_of(dataclasses.replace(split, train=train)) == []
