from dataclasses import replace

import numpy as np
import pytest

from training.baselines.floors import floors_for

EXPECTED = {
    "user-cold": [
        "random",
        "popularity",
        "user-kNN",
        "user-kNN + popularity",
        "text cosine",
        "text + user-kNN + popularity",
    ],
    "item-cold": ["random", "popularity", "text cosine", "text-kNN bridge", "bridge + text"],
    "warm": ["random", "popularity", "user-kNN", "user-kNN + popularity", "text cosine"],
}
PROTOCOLS = list(EXPECTED)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_each_protocol_has_its_floors(random_task, protocol):
    floors = floors_for(random_task(protocol), seed=0)
    assert [floor.name for floor in floors] == EXPECTED[protocol]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_scores_do_not_depend_on_the_block_of_users(random_task, protocol):
    task = random_task(protocol)
    users, items = np.arange(80), task.split.test.candidates
    for floor in floors_for(task, seed=0):
        whole = floor.score(users, items)
        parts = [floor.score(users[i : i + 7], items) for i in range(0, 80, 7)]
        assert whole.shape == (80, len(items))
        assert whole.dtype == np.float32
        np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_item_order_only_reorders_scores(random_task, protocol):
    task = random_task(protocol)
    items = task.split.test.candidates
    order = np.random.default_rng(2).permutation(len(items))
    for floor in floors_for(task, seed=0):
        moved = floor.score(np.arange(9), items[order])
        expected = floor.score(np.arange(9), items)[:, order]
        np.testing.assert_allclose(moved, expected, rtol=1e-5, atol=1e-6)


def test_mixtures_are_the_published_sums(random_task):
    def scaled(scores: np.ndarray) -> np.ndarray:
        return scores / scores.std(axis=1, keepdims=True)

    task = random_task("user-cold")
    users, items = task.split.cold_users, task.split.test.candidates
    scores = {f.name: f.score(users, items).astype(float) for f in floors_for(task, seed=0)}
    both = scaled(scores["user-kNN"]) + scaled(np.log1p(scores["popularity"]))
    np.testing.assert_allclose(scores["user-kNN + popularity"], both, rtol=1e-4)
    everything = both + 0.5 * scaled(scores["text cosine"])
    np.testing.assert_allclose(scores["text + user-kNN + popularity"], everything, rtol=1e-4)

    task = random_task("item-cold")
    users, items = np.arange(80), task.split.test.candidates
    scores = {f.name: f.score(users, items).astype(float) for f in floors_for(task, seed=0)}
    rows = (scores["text-kNN bridge"].std(axis=1) > 0) & (scores["text cosine"].std(axis=1) > 0)
    assert rows.sum() > 40
    both = scaled(scores["text-kNN bridge"][rows]) + scaled(scores["text cosine"][rows])
    np.testing.assert_allclose(scores["bridge + text"][rows], both, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [(0, 0)],
        [(0, 0), (1, 2), (2, 3)],  # no user in both domains
        [(user, item) for user in range(4) for item in range(4)],  # everybody has everything
    ],
    ids=["empty", "one source edge", "zero overlap", "complete"],
)
@pytest.mark.parametrize("text", [False, True])
def test_any_graph_gives_finite_scores(make_task, protocol, pairs, text):
    features = np.eye(6)[:, :4] if text else np.zeros((6, 4))
    task = make_task(
        protocol, ["b", "b", "f", "f", "f", "bf"], 5, pairs, features=features, held=[(4, 5)]
    )
    users, items = np.arange(5), np.array([2, 3, 4, 5])  # user 4 has no history
    for floor in floors_for(task, seed=0):
        assert np.isfinite(floor.score(users, items)).all(), floor.name
        assert floor.score(users[:0], items).shape == (0, 4)


def test_only_training_edges_and_candidates_are_read(random_task):
    """Floors made with other held-out rows score the same."""
    for protocol in ("user-cold", "item-cold"):
        task = random_task(protocol)
        part = task.split.test
        other = replace(part, items=np.roll(part.items, 5), users=np.roll(part.users, 3))
        changed = replace(task, split=replace(task.split, test=other, valid=other))
        users, items = np.arange(20), part.candidates
        for one, two in zip(floors_for(task, seed=1), floors_for(changed, seed=1), strict=True):
            assert np.array_equal(one.score(users, items), two.score(users, items))
