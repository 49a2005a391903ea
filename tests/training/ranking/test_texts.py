import dataclasses

import numpy as np
import pytest

from training.ranking.texts import FEW, Density, Nearest, Profiles, means_of_domains, narrow


@pytest.fixture
def world(random_split, make_world):
    return make_world(random_split("item-cold", items=32), k=10)


def centred(world):
    share, means = means_of_domains(world)
    return world.text - share @ means


@pytest.fixture
def asked(world):
    users = np.arange(len(world.split.train.users))
    return users, np.flatnonzero(world.split.train.item_mask("films"))[::-1]


def test_profiles_are_cosines_with_the_mean_of_a_history(world, asked, dense, said):
    users, items = asked
    history = dense(world.split)
    found = said(Profiles(world), users, items)

    spaces = {"text": world.text, "text, whitened": world.channel, "text, centred": centred(world)}
    assert set(found) == set(spaces)
    for name, vectors in spaces.items():
        mean = history @ vectors.astype(np.float64)
        mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)
        np.testing.assert_allclose(found[name], mean @ vectors[items].T, atol=1e-4)


def test_nearest_by_definition(world, asked, dense, said):
    users, items = asked
    history = dense(world.split)
    history[3] = 0  # nothing is known of this one
    edges = world.split.train.interaction_edges
    fewer = {world.split.train.interactions: edges.take(edges.src != 3)}
    split = dataclasses.replace(world.split, train=world.split.train.with_edges(fewer))
    world = dataclasses.replace(world, split=split)
    near = np.zeros((len(world.text),) * 2)
    for item, row in enumerate(world.near):
        for other, similarity in zip(row, world.similarity[item], strict=True):
            if other >= 0:
                near[other, item] = max(similarity, 0) ** 4
    cosine = world.channel.astype(np.float64) @ world.channel.T

    found = said(Nearest(world), users, items)

    for user in users:
        liked = np.flatnonzero(history[user])
        best = cosine[liked].max(axis=0) if len(liked) else np.zeros(len(cosine))
        expected = {
            "nearest of history": best,
            "near history": (np.maximum(cosine[liked], 0) ** 4).sum(axis=0),
            "near words": near[liked].sum(axis=0),
        }
        assert set(found) == set(expected)
        for name, values in expected.items():
            np.testing.assert_allclose(found[name][user], values[items], atol=1e-5)


def test_density_by_definition(world, asked, said):
    users, items = asked
    near = np.where(world.near >= 0, world.similarity, 0)
    expected = {
        "popularity of neighbours": np.log1p(world.popularity) @ world.carry.toarray(),
        "nearest neighbour": near.max(axis=1),
        "fifth neighbour": np.sort(near, axis=1)[:, -5],
    }

    found = said(Density(world), users, items)

    assert set(found) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], np.tile(values[items], (40, 1)), rtol=1e-5)


def test_density_with_a_single_neighbour(random_split, make_world, said):
    world = make_world(random_split("item-cold"), k=1)
    found = said(Density(world), np.arange(2), np.arange(4))
    assert np.array_equal(found["fifth neighbour"], found["nearest neighbour"])


@pytest.mark.parametrize("protocol", ["user-cold", "item-cold"])
def test_centred_texts_of_a_domain_have_no_mean(random_split, make_world, protocol):
    split = random_split(protocol)
    world = make_world(split)
    text = world.text.copy()
    text[[2, 20]] = 0  # without text
    world = dataclasses.replace(world, text=text)

    vectors = centred(world)

    for domain in ("books", "films"):
        inside = split.train.item_mask(domain) & text.any(axis=1)
        mean = (world.popularity[inside] + 1e-3) @ vectors[inside]
        np.testing.assert_allclose(mean, 0, atol=1e-3)
        shift = (text - vectors)[inside]
        np.testing.assert_allclose(shift, np.tile(shift[0], (len(shift), 1)), atol=1e-6)
    assert not vectors[[2, 20]].any()
    assert text[3].any()


def test_a_domain_nobody_used_has_a_mean_too(random_split, make_world):
    split = random_split("warm")
    edges = split.train.interaction_edges
    books = edges.take(~split.train.item_mask("films")[edges.dst])
    train = split.train.with_edges({split.train.interactions: books})
    world = make_world(dataclasses.replace(split, train=train))

    vectors = centred(world)[train.item_mask("films")]

    np.testing.assert_allclose(vectors.mean(axis=0), 0, atol=1e-5)


def test_the_narrow_bridge_takes_the_first_neighbours(world):
    fewer = dataclasses.replace(world, near=world.near[:, :FEW])
    fewer = dataclasses.replace(fewer, similarity=world.similarity[:, :FEW])
    assert world.near.shape[1] > FEW

    found = narrow(world).toarray()

    np.testing.assert_allclose(found, fewer.carry.toarray(), rtol=1e-5)
    assert (found != world.carry.toarray()).any()
