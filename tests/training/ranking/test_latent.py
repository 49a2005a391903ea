import dataclasses

import numpy as np
import pytest

from training.baselines.base import Task
from training.baselines.user_knn import UserKNN
from training.ranking import latent
from training.ranking.fitted import Fitted
from training.ranking.latent import Latent, Ridge, decompose, normalised


def by_degree(history):
    """The matrix that is taken apart."""
    rows, columns = (np.maximum(history.sum(axis=axis), 1) for axis in (1, 0))
    return history / np.sqrt(rows)[:, None] / np.sqrt(columns)


@pytest.mark.parametrize("rank", [3, 256])
def test_decompose_is_the_svd(random_split, make_world, dense, monkeypatch, rank):
    monkeypatch.setattr(latent, "RANK", rank)
    split = random_split("user-cold")
    matrix = by_degree(dense(split))

    found = normalised(make_world(split).all_history)
    items, strength = decompose(found, 0)

    np.testing.assert_allclose(found.toarray(), matrix, atol=1e-6)
    _, values, rows = np.linalg.svd(matrix)
    kept = min(rank, min(matrix.shape) - 1)
    assert len(strength) == kept
    np.testing.assert_allclose(strength, values[:kept], atol=1e-3)
    clear = np.flatnonzero(-np.diff(values)[: kept if rank == 256 else 2] > 0.02)
    clear = clear[np.r_[True, np.diff(clear) == 1].cumprod().astype(bool)]  # apart on both sides
    assert len(clear)
    likeness = np.abs(np.sum(items.T[clear] * rows[clear], axis=1))  # up to the sign
    np.testing.assert_allclose(likeness, 1, atol=1e-2)
    assert np.array_equal(decompose(found, 0)[0], items)


@pytest.mark.parametrize("protocol", ["user-cold", "item-cold"])
def test_latent_by_definition(random_split, make_world, dense, monkeypatch, protocol, said):
    monkeypatch.setattr(latent, "RANK", 4)
    split = random_split(protocol)
    world = make_world(split)
    vectors, strength = decompose(normalised(world.all_history), 0)
    rows = by_degree(dense(split)) @ vectors
    carry = world.carry.toarray()
    root = np.sqrt(np.maximum(world.popularity, 1))
    users, items = np.arange(7), np.flatnonzero(split.train.item_mask("films"))[::-1]

    found = said(Latent(world, Fitted(0)), users, items)

    expected = {
        "latent": rows @ vectors.T @ carry,
        "latent x popularity": rows @ (vectors.T * root) @ carry,
        "latent, strong": (rows * strength) @ vectors.T @ carry,
    }
    assert set(found) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values[np.ix_(users, items)], atol=1e-4)


def by_definition(world, history, penalty):
    """The ridge of `Ridge`, dense and in float64."""
    film = world.split.train.item_mask("films")
    profile = world.profile.toarray().astype(np.float64)
    vectors, _ = decompose(normalised(world.all_history), 0)
    projected = profile @ vectors
    projected /= np.maximum(np.linalg.norm(projected, axis=1, keepdims=True), 1e-9)
    used = history * film
    anchors = np.flatnonzero(used.any(axis=1) & profile.any(axis=1))
    kernel = profile @ profile[anchors].T + projected @ projected[anchors].T
    system = kernel[anchors] + penalty * np.sqrt(len(anchors)) * np.eye(len(anchors))
    return kernel @ np.linalg.inv(system), used[anchors]


@pytest.mark.parametrize("protocol", ["user-cold", "warm"])
def test_ridge_in_closed_form(random_split, make_world, dense, said, protocol):
    split = random_split(protocol)
    world, history = make_world(split), dense(split)
    film = np.flatnonzero(split.train.item_mask("films"))
    users, items = np.arange(40)[::3], film[::-1]

    found = said(Ridge(world, Latent(world, Fitted(0)), Fitted(0)), users, items)

    strict, used = by_definition(world, history, latent.PENALTY)
    loose, _ = by_definition(world, history, latent.PENALTY / 3)
    ridge = strict @ used
    root = np.sqrt(np.maximum(history.sum(axis=0), 1))
    vectors = np.zeros((len(root), 0))
    in_target, _ = decompose(normalised(world.target_history[:, film]), 0)
    vectors = np.zeros((len(root), in_target.shape[1]))
    vectors[film] = in_target
    smooth = (ridge / root) @ vectors @ vectors.T
    expected = {
        "ridge": ridge,
        "ridge, loose": loose @ used,
        "ridge, short histories": strict @ (used / np.sqrt(used.sum(axis=1, keepdims=True))),
        "ridge, smooth": smooth,
        "ridge, smooth x popularity": smooth * root,
    }
    assert set(found) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values[np.ix_(users, items)], atol=1e-3)


def test_a_great_penalty_leaves_user_knn(random_split, make_world, monkeypatch, said):
    monkeypatch.setattr(latent, "PENALTY", 1e6)
    monkeypatch.setattr(latent, "RANK", 0)  # neighbours by what they did alone
    split = random_split("user-cold")
    world = make_world(split)
    users, items = np.arange(40), np.flatnonzero(split.train.item_mask("films"))
    ridge = Ridge(world, Latent(world, Fitted(0)), Fitted(0))

    found = said(ridge, users, items)["ridge"]

    expected = UserKNN(Task(split=split, item_features=world.text)).score(users, items)
    penalty = 1e6 * np.sqrt(len(ridge.anchors))
    np.testing.assert_allclose(found * penalty, expected, rtol=1e-3, atol=1e-5)


def test_the_busiest_are_the_anchors(random_split, make_world, dense, monkeypatch):
    split = random_split("user-cold")
    world = make_world(split)
    everybody = Ridge(world, Latent(world, Fitted(0)), Fitted(0)).anchors
    film, history = split.train.item_mask("films"), dense(split)
    counts = (history * film).sum(axis=1) * (history * ~film).any(axis=1)
    assert np.array_equal(everybody, np.flatnonzero(counts))

    monkeypatch.setattr(latent, "MAX_ANCHORS", 5)
    busiest = Ridge(world, Latent(world, Fitted(0)), Fitted(0)).anchors

    assert len(busiest) == 5
    assert np.array_equal(busiest, np.sort(busiest))
    assert counts[busiest].min() >= np.sort(counts)[-5]


def test_without_anchors_there_is_no_ridge(random_split, make_world, said):
    split = random_split("user-cold")
    edges = split.train.interaction_edges
    film = split.train.item_mask("films")[edges.dst]
    alone = (edges.src % 2 == 0) == film  # nobody is shared
    train = split.train.with_edges({split.train.interactions: edges.take(alone)})
    world = make_world(dataclasses.replace(split, train=train))

    ridge = Ridge(world, Latent(world, Fitted(0)), Fitted(0))

    assert said(ridge, np.arange(3), np.flatnonzero(world.warm)) == {}


def test_nothing_to_take_apart(random_split, make_world):
    history = make_world(random_split("warm")).all_history
    items, strength = decompose(normalised(history * 0), 0)
    assert items.shape == (history.shape[1], 0)
    assert strength.shape == (0,)


def test_rounding_says_nothing(random_split, make_world, said):
    """With every dimension kept a user's row is the history itself: nothing of other items."""
    split = random_split("item-cold")
    world = make_world(split)
    found = Latent(world, Fitted(0))
    vectors = found.items
    assert vectors.shape[1] == min(world.all_history.shape) - 1

    for k in (1, 40):  # whoever else is asked
        users, items = np.arange(k), np.flatnonzero(world.warm)
        scores = said(found, users, items)["latent"]
        unknown = np.zeros_like(scores, dtype=bool)
        unknown[:] = world.all_history[users][:, items].toarray() == 0
        assert (np.abs(scores[~unknown]) > 1e-3).all()

    scores = np.array([[1e-7, -1e-7], [1e-7, 1]], dtype=np.float32)
    rows = np.array([[1, 0, 0], [1e-8, 0.5, 0]], dtype=np.float32)
    assert np.array_equal(latent._clear(scores, rows, 1.0), [[0, 0], scores[1]])
