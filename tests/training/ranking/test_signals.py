import dataclasses

import numpy as np
import pytest

from training.baselines import ease, item_knn
from training.baselines.base import Task
from training.baselines.item_knn import ItemKNN
from training.baselines.matrices import over_deviation
from training.baselines.user_knn import UserKNN
from training.evaluation.split import HeldOut
from training.ranking import latent
from training.ranking.relations import TAKEN
from training.ranking.signals import PRIOR, SHRINK, SIMILAR, Signals

PROTOCOLS = ["user-cold", "item-cold", "warm"]


@pytest.fixture
def asked(random_split):
    """Everybody, and the films in reverse."""
    films = np.flatnonzero(random_split("warm").train.item_mask("films"))
    return np.arange(40), films[::-1]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_has_the_signals_of_its_prior(random_split, make_world, protocol):
    names = Signals(make_world(random_split(protocol)), 0).names()
    assert len(set(names)) == len(names)
    assert set(PRIOR[protocol]) <= set(names)
    assert {"network", "latent", "item-kNN", "same author", "text, centred"} <= set(names)
    assert ("ridge" in names) == (protocol != "item-cold")
    assert ("nearest neighbour" in names) == (protocol == "item-cold")


def test_names_that_relations_may_not_have_are_those_of_the_other_signals(random_split, make_world):
    names = set()
    for protocol in PROTOCOLS:
        split = random_split(protocol)
        train = split.train
        alone = {train.interactions: train.interaction_edges}
        split = dataclasses.replace(split, train=dataclasses.replace(train, edges=alone))
        names.update(Signals(make_world(split), 0).names())
    assert names == TAKEN


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_rows_have_deviation_one_or_say_nothing(random_split, make_world, asked, protocol):
    users, items = asked
    found = Signals(make_world(random_split(protocol)), 0)(users, items)
    for name, values in found.items():
        assert values.shape == (len(users), len(items)), name
        assert values.dtype == np.float32
        deviation = values.std(axis=1)
        nothing = ~values.any(axis=1)
        np.testing.assert_allclose(deviation[~nothing], 1, rtol=1e-3)
        assert (deviation[nothing] == 0).all()
    assert all(not values.any() for values in Signals(make_world(random_split(protocol)), 0)(
        users, items[:1]
    ).values())  # fmt: skip


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_signals_that_others_define(random_split, make_world, asked, dense, protocol):
    split = random_split(protocol)
    world = make_world(split)
    users, items = asked
    task = Task(split=split, item_features=world.text)
    network = world.network
    expected = {
        "network": network.user_z[users] @ network.item_z[items].T,
        "item-kNN": ItemKNN(task, k=SIMILAR, shrink=SHRINK, carry=world.carry).score(users, items),
        "user-kNN": UserKNN(
            task, carry=world.carry if protocol == "item-cold" else None
        ).score(users, items),
    }  # fmt: skip
    if protocol != "item-cold":
        history, film = dense(split), split.train.item_mask("films")
        own = history * ~film if protocol == "user-cold" else history
        both = own.any(axis=1) & (history * film).any(axis=1)
        shared = np.log1p(history[both].sum(axis=0))
        expected["popularity"] = np.tile(np.log1p(history.sum(axis=0))[items], (40, 1))
        expected["popularity among shared users"] = np.tile(shared[items], (40, 1))

    found = Signals(world, 0)(users, items)

    for name, values in expected.items():
        assert values.any(), name
        scaled = over_deviation(np.array(values, dtype=np.float32))
        np.testing.assert_allclose(found[name], scaled, atol=1e-3, err_msg=name)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_held_out_is_not_read(random_split, make_world, asked, protocol):
    split = random_split(protocol)
    wrong = HeldOut(users=np.array([10**6]), items=np.array([-7]), candidates=np.array([10**6]))
    poisoned = dataclasses.replace(split, valid=wrong, test=wrong, unranked=np.array([[-5], [-5]]))

    one, other = (Signals(make_world(each), 0)(*asked) for each in (split, poisoned))

    assert list(one) == list(other)
    for name, values in one.items():
        assert np.array_equal(values, other[name]), name


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_was_kept_is_not_made_again(random_split, make_world, asked, monkeypatch, protocol):
    split = random_split(protocol)
    first = Signals(make_world(split), 3)
    expected = first(*asked)

    def never(*_, **__):
        raise AssertionError("it is kept")

    for module, name in (
        (latent, "decompose"),
        (item_knn, "_similarities"),
        (ease, "inverse_gram"),
    ):
        monkeypatch.setattr(module, name, never)
    again = Signals(make_world(split), 3, first.kept)

    assert list(again.kept) == list(first.kept)
    found = again(*asked)
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert np.array_equal(values, found[name]), name
    with pytest.raises(AssertionError, match="it is kept"):
        Signals(make_world(split), 3)


def test_a_cold_user_is_known_by_the_sources_alone(random_split, make_world):
    """Cold users with the same books get the same answers, and other users others."""
    split = random_split("user-cold")
    edges = split.train.interaction_edges
    cold, twin = split.cold_users[:2]
    mine = edges.src == cold
    kept = edges.take(edges.src != twin)
    copied = dataclasses.replace(
        kept,
        src=np.concatenate([kept.src, np.full(mine.sum(), twin)]),
        dst=np.concatenate([kept.dst, edges.dst[mine]]),
        weight=np.concatenate([kept.weight, edges.weight[mine]]),
    )
    train = split.train.with_edges({split.train.interactions: copied})
    world = make_world(dataclasses.replace(split, train=train))
    world.network.user_z[twin] = world.network.user_z[cold]

    found = Signals(world, 0)(np.array([cold, twin]), np.flatnonzero(world.warm))

    for name, (one, other) in found.items():
        np.testing.assert_allclose(one, other, atol=1e-3, err_msg=name)
