"""A new item that is in all like a cold one gets what that item gets."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from training.baselines.matrices import deviations
from training.ranking import latent
from training.ranking.new_items import NewItems
from training.ranking.signals import Signals
from training.ranking.weighing import add_in_units, add_weighed, dense, deviations_of

USERS = np.array([3, 0, 21])


@pytest.fixture(params=["user-cold", "item-cold", "warm"])
def world(request, random_split, make_world, monkeypatch):
    monkeypatch.setattr(latent, "RANK", 6)
    split = random_split("item-cold")
    return make_world(replace(split, protocol=request.param))


def twins_of(world, items):
    train = world.split.train
    joined = {}
    for (src, relation, dst), edges in train.edges.items():
        if src == "item":
            table = np.zeros((len(train.items), len(train.nodes[dst])), dtype=np.float32)
            table[edges.src, edges.dst] = 1
            if dst == "item":
                table[edges.dst, edges.src] = 1
            joined[src, relation, dst] = csr_array(table[items])
    return NewItems(
        num_items=len(train.items),
        z=world.network.item_z[items],
        text=world.text[items],
        channel=world.channel[items],
        domains=train.items.domains[items],
        near=world.near[items],
        similarity=world.similarity[items],
        joined=joined,
    )


def test_a_twin_of_a_cold_item_has_the_same_signals(world):
    items = world.split.cold_items
    signals = Signals(world, 0)
    expected = {n: dense(said, 3) for n, said in signals.said(USERS, items)}
    columns = signals.new_columns(twins_of(world, items))
    found = {n: dense(said, 3) for n, said in signals.said_of(USERS, columns)}
    assert found.keys() == expected.keys()
    for name, values in found.items():
        if "author" not in name:
            np.testing.assert_allclose(values, expected[name], atol=1e-5, err_msg=name)


def test_it_is_joined_to_its_twin_too(world):
    """By an entity, which has as many items as before: it counts for the others, not for itself."""
    items = world.split.cold_items
    signals = Signals(world, 0)
    before = {n: dense(said, 3) for n, said in signals.said(USERS, items)}
    columns = signals.new_columns(twins_of(world, items))
    after = {n: dense(said, 3) for n, said in signals.said_of(USERS, columns)}
    of_author = np.bincount(world.split.train.edges["item", "author", "person"].dst)
    own = 1 / np.sqrt(of_author[world.split.train.edges["item", "author", "person"].dst[items]])
    degree = np.expm1(before["number of same author"])
    np.testing.assert_allclose(np.expm1(after["number of same author"]), degree + own, rtol=1e-5)
    for name in ("same author", "user-kNN, same author"):
        np.testing.assert_allclose(
            after[name] * np.sqrt(degree + own), before[name] * np.sqrt(degree), atol=1e-4
        )


def test_items_without_anything_say_nothing(world):
    new = replace(
        twins_of(world, world.split.cold_items[:2]),
        text=np.zeros((2, 8), np.float32),
        channel=np.zeros((2, 8), np.float32),
        near=np.full((2, 5), -1),
        similarity=np.zeros((2, 5), np.float32),
        joined={},
    )
    signals = Signals(world, 0)
    for name, said in signals.said_of(USERS, signals.new_columns(new)):
        if name not in ("network", "text, centred"):
            assert not dense(said, 3).any(), name


@pytest.mark.parametrize("density", [0.05, 0.6])
def test_units_are_those_that_scores_are_made_in(density):
    rng = np.random.default_rng(0)
    values = (rng.normal(size=(4, 50)) * (rng.random((4, 50)) < density)).astype(np.float32)
    values[2] = 0
    for said in (values, csr_array(values)):
        unit = deviations_of(said)
        np.testing.assert_allclose(unit, deviations(values.copy()), rtol=1e-5)
        expected, found = np.zeros((4, 50), np.float32), np.zeros((4, 50), np.float32)
        add_in_units(found, said, unit, 0.7, -0.2)
        add_weighed(expected, said.copy(), 0.7, -0.2)
        np.testing.assert_allclose(found, expected, atol=1e-5)
