import dataclasses

import numpy as np
import pytest

PROTOCOLS = ["user-cold", "item-cold", "warm"]


def rows_of_length_one(matrix):
    return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)


@pytest.mark.parametrize(("protocol", "shots"), [*((p, 0) for p in PROTOCOLS), ("user-cold", 2)])
def test_histories_and_profiles(random_split, make_world, dense, protocol, shots):
    split = random_split(protocol, shots=shots)
    world, history = make_world(split), dense(split)
    film = split.train.item_mask("films")
    own = history * ~film if protocol == "user-cold" and not shots else history
    rarity = np.maximum(np.log(len(own) / (1 + own.sum(axis=0))), 0)

    assert np.array_equal(world.all_history.toarray(), history)
    assert np.array_equal(world.target_history.toarray(), history * film)
    np.testing.assert_allclose(world.profile.toarray(), rows_of_length_one(own * rarity), atol=1e-6)
    assert np.array_equal(world.popularity, history.sum(axis=0))
    assert np.array_equal(world.warm, history.any(axis=0))


def test_cold_items_take_from_their_neighbours(random_split, make_world):
    world = make_world(random_split("item-cold"))
    num_items = len(world.warm)
    expected = np.zeros((num_items, num_items))
    for item in range(num_items):
        if world.warm[item]:
            expected[item, item] = 1
            continue
        for near, similarity in zip(world.near[item], world.similarity[item], strict=True):
            if near >= 0 and world.warm[near]:
                expected[near, item] += max(similarity, 0) ** 4
        expected[:, item] /= expected[:, item].sum()
    assert (~world.warm).sum() > 3

    carry = world.carry.toarray()

    np.testing.assert_allclose(carry, expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(carry.sum(axis=0), 1, rtol=1e-5)


def test_an_item_without_neighbours_takes_nothing(random_split, make_world):
    world = make_world(random_split("item-cold"))
    cold = np.flatnonzero(~world.warm)[:3]
    near, similarity = world.near.copy(), world.similarity.copy()
    near[cold[0]], similarity[cold[0]] = -1, 0
    near[cold[1]] = cold[2]  # a neighbour nobody used
    similarity[cold[2]] = -0.5
    world = dataclasses.replace(world, near=near, similarity=similarity)

    assert not world.carry.toarray()[:, cold].any()
