"""Factors against the minimum that defines them, and what a domain that nobody entered says."""

import numpy as np
import pytest

from training.baselines.cmf import domain_masks
from training.baselines.matrices import histories
from training.ranking import collective
from training.ranking.collective import Collective
from training.ranking.fitted import Fitted


@pytest.fixture
def world(random_split, make_world, monkeypatch):
    monkeypatch.setattr(collective, "WIDTH", 4)
    monkeypatch.setattr(collective, "PENALTY", 2.0)
    return make_world(random_split("user-cold"))


def test_a_user_is_the_minimum_over_the_domains_they_entered(world):
    fitted = Fitted(0)
    Collective(world, fitted)
    users, items = fitted.kept["collective.users"], fitted.kept["collective.items"]
    cold = world.split.cold_users[0]
    warm = np.setdiff1d(np.flatnonzero(np.diff(world.target_history.indptr)), cold)[0]
    for user, entered in ((cold, domain_masks(world.split)[1:]), (warm, domain_masks(world.split))):
        inside = np.any(entered, axis=0)
        history = histories(world.split, inside)[[user]].toarray()[0]
        seen = items[inside]
        system = seen.T @ seen + 2.0 * np.eye(4)
        expected = np.linalg.solve(system, items.T @ history)
        np.testing.assert_allclose(users[user], expected, rtol=1e-4, atol=1e-5)


def test_what_it_says_does_not_depend_on_the_items_asked(world):
    signal, people = Collective(world, Fitted(0)), np.arange(5)
    pool = np.arange(len(world.split.train.items))
    (_, everything), (_, some) = (
        next(signal.said(people, signal.columns(items))) for items in (pool, pool[[7, 3]])
    )
    np.testing.assert_allclose(some, everything[:, [7, 3]], rtol=1e-5, atol=1e-6)


def test_it_is_kept(world):
    fitted = Fitted(0)
    first = Collective(world, fitted)
    again = Collective(world, Fitted(0, fitted.kept))
    items = np.arange(3)
    np.testing.assert_array_equal(first.columns(items), again.columns(items))


def test_where_the_penalty_leaves_nothing_nothing_is_said(world, monkeypatch):
    monkeypatch.setattr(collective, "PENALTY", 1e4)
    signal, items = Collective(world, Fitted(0)), np.arange(6)
    ((_, said),) = signal.said(np.arange(4), signal.columns(items))
    assert not said.any()
