"""A newcomer who did what somebody did gets what that user gets."""

import numpy as np
import pytest

from training.baselines.matrices import histories
from training.ranking import latent
from training.ranking.people import People
from training.ranking.signals import Signals

CASES = [("user-cold", 0), ("user-cold", 2), ("item-cold", 0), ("warm", 0)]


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def world(request, random_split, make_world):
    protocol, shots = request.param
    return make_world(random_split(protocol, shots=shots))


def twins_of(world, users):
    everything = np.ones(len(world.split.train.items), dtype=bool)
    used = histories(world.split, everything)[users]
    return People.of(world, used, world.network.user_z[users])


def test_a_twin_has_the_same_signals(world, monkeypatch):
    monkeypatch.setattr(latent, "RANK", 6)
    signals = Signals(world, 0)
    users = np.array([5, 0, 17, 33])
    items = np.flatnonzero(world.split.train.item_mask(world.split.target))
    expected = signals(users, items)
    found = signals.asked_by(twins_of(world, users))(np.arange(4), items)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=2e-4, atol=2e-4, err_msg=name)


def test_nobody_else_notices(world):
    signals = Signals(world, 0)
    users, items = np.arange(6), np.arange(len(world.split.train.items))
    before = signals(users, items)
    newcomers = signals.asked_by(twins_of(world, users[::-1]))
    newcomers(users, items)
    for name, values in signals(users, items).items():
        np.testing.assert_array_equal(values, before[name], err_msg=name)


def test_rows_are_asked_for_one_by_one_or_together(world):
    signals = Signals(world, 0).asked_by(twins_of(world, np.arange(8)))
    items = np.arange(len(world.split.train.items))
    together = signals(np.arange(8), items)
    for user in range(8):
        for name, values in signals(np.array([user]), items).items():
            np.testing.assert_allclose(values[0], together[name][user], atol=2e-4, err_msg=name)
