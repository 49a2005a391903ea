from dataclasses import replace

import numpy as np
import pytest

from kg.errors import ConfigError
from training.baselines import item_knn
from training.baselines.catalogue import make_baseline
from training.baselines.item_knn import ItemKNN
from training.baselines.tuned import tune_baseline
from training.evaluation.evaluate import evaluate


def test_the_best_on_valid_is_kept_with_its_settings(random_task):
    task = random_task("warm")
    tuned = tune_baseline("item-knn", task, seed=1)
    assert [settings for settings, _ in tuned.tried] == list(ItemKNN.GRID)
    values = [value for _, value in tuned.tried]
    assert tuned.settings == tuned.tried[int(np.argmax(values))][0]
    again = make_baseline("item-knn", task, seed=1, **tuned.settings)
    users, items = np.arange(80), task.split.test.candidates
    assert np.array_equal(again.score(users, items), tuned.scorer.score(users, items))
    found = evaluate(again, task.split, "valid", k=(10,), rng=np.random.default_rng(0))
    assert found.mean("NDCG@10") == max(values)


def test_the_test_part_is_not_looked_at(random_task):
    task = random_task("warm")
    empty = replace(
        task.split.test, users=task.split.test.users[:0], items=task.split.test.items[:0]
    )
    one = tune_baseline("item-knn", task)
    two = tune_baseline("item-knn", replace(task, split=replace(task.split, test=empty)))
    assert one.tried == two.tried


def test_a_smaller_budget_draws_from_the_grid(random_task):
    task = random_task("warm")
    some = tune_baseline("item-knn", task, seed=3, budget=3).tried
    assert len(some) == 3
    assert all(settings in ItemKNN.GRID for settings, _ in some)
    assert some == tune_baseline("item-knn", task, seed=3, budget=3).tried
    with pytest.raises(ConfigError, match="budget"):
        tune_baseline("item-knn", task, budget=0)


def test_of_equal_settings_the_first_wins(random_task, monkeypatch):
    monkeypatch.setattr(item_knn.ItemKNN, "GRID", ({"k": 0}, {"k": 1000}))
    assert tune_baseline("item-knn", random_task("warm")).settings == {"k": 0}
