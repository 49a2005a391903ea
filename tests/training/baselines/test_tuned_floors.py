import numpy as np
import pytest

from training.baselines.floors import floors_for
from training.baselines.tuned_floors import BridgeText, UserKNNPopularity


@pytest.mark.parametrize(
    ("protocol", "kind", "floor"),
    [
        ("user-cold", UserKNNPopularity, "user-kNN + popularity"),
        ("warm", UserKNNPopularity, "user-kNN + popularity"),
        ("item-cold", BridgeText, "bridge + text"),
    ],
)
def test_with_default_settings_they_are_the_floors(random_task, protocol, kind, floor):
    task = random_task(protocol)
    floors = {scorer.name: scorer for scorer in floors_for(task, seed=0)}
    users, items = np.arange(80), task.split.test.candidates
    assert np.array_equal(kind(task).score(users, items), floors[floor].score(users, items))


def test_settings_reach_what_they_are_named_after(random_task):
    task = random_task("item-cold")
    users, items = np.arange(80), task.split.test.candidates
    default = BridgeText(task).score(users, items)
    for settings in ({"k": 3}, {"idf": 0.3}, {"text": 0.2}):
        assert not np.allclose(BridgeText(task, **settings).score(users, items), default)
    warm = random_task("warm")
    items = warm.split.test.candidates
    default = UserKNNPopularity(warm).score(users, items)
    for settings in ({"k": 3}, {"idf": 0.3}, {"popularity": 0.2}):
        assert not np.allclose(UserKNNPopularity(warm, **settings).score(users, items), default)
