"""Every baseline of the table keeps the same promises."""

from dataclasses import replace

import numpy as np
import pytest

from kg.errors import ConfigError
from kg.graph import Edges
from kg.settings import build
from training.baselines.bridged import Bridged
from training.baselines.catalogue import BASELINES, grid_of, make_baseline
from training.baselines.grids import combinations
from training.baselines.knowledge import KnowledgeScores
from training.baselines.tuned import BUDGET
from training.config import EvaluationConfig

LINEAR = ["user-knn", "text-bridge", "item-knn", "ease", "als", "bpr", "cmf"]
QUICK = {"als": {"iterations": 3}, "bpr": {"iterations": 3}, "cmf": {"iterations": 3}}
PROTOCOLS = ["user-cold", "item-cold", "warm"]


@pytest.mark.parametrize("name", list(BASELINES))
def test_grids_keep_the_budget_and_have_no_setting_twice(name):
    grid = grid_of(name)
    assert 1 <= len(grid) <= BUDGET
    assert all(grid.count(settings) == 1 for settings in grid)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", LINEAR)
def test_each_answers_in_each_protocol(random_task, protocol, name):
    task = random_task(protocol)
    items = task.split.test.candidates
    scorer = make_baseline(name, task, seed=1, **QUICK.get(name, {}))
    whole = scorer.score(np.arange(80), items)
    assert whole.shape == (80, len(items))
    assert whole.dtype == np.float32
    assert np.isfinite(whole).all()
    assert (whole.std(axis=1) > 0).mean() > 0.7  # it tells items apart
    parts = [scorer.score(np.arange(i, min(i + 7, 80)), items) for i in range(0, 80, 7)]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-4, atol=1e-5)
    order = np.random.default_rng(2).permutation(len(items))
    moved = scorer.score(np.arange(80), items[order])
    np.testing.assert_allclose(moved, whole[:, order], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", LINEAR)
def test_one_seed_one_result_and_held_out_rows_are_not_read(random_task, name):
    task = random_task("user-cold")
    part = task.split.test
    other = replace(part, items=np.roll(part.items, 5), users=np.roll(part.users, 3))
    changed = replace(task, split=replace(task.split, test=other, valid=other))
    np.random.default_rng(0).random(3)
    one, two = (
        make_baseline(name, each, seed=1, **QUICK.get(name, {})).score(
            np.arange(80), part.candidates
        )
        for each in (task, changed)
    )
    assert np.array_equal(one, two)


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_hardly_anything_to_learn_from(make_task, protocol, name):
    task = make_task(protocol, ["b", "b", "f", "f", "f"], 5, [(0, 0), (1, 2)], held=[(4, 3)])
    scores = make_baseline(name, task, **QUICK.get(name, {})).score(
        np.arange(5), np.array([2, 3, 4])
    )
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("related", [False, True])
def test_knowledge_of_cold_items_is_their_own_where_there_is_any(random_task, related):
    task = random_task("item-cold")
    graph = task.split.train
    if related:
        edges = Edges(src=np.arange(49), dst=np.arange(1, 50), weight=np.ones(49, np.float32))
        graph = graph.with_edges({("item", "resembles", "item"): edges})
    task = replace(task, split=replace(task.split, train=graph))
    made = make_baseline("distmult", task, width=4, epochs=1, batch_size=256, negatives=8)
    assert isinstance(made, KnowledgeScores if related else Bridged)


def test_unknown_names_are_refused(random_task):
    with pytest.raises(ConfigError, match=r"unknown baseline 'eas'.*did you mean \"ease\""):
        build(EvaluationConfig, {"baselines": ["als", "eas"]})
    with pytest.raises(ConfigError, match="unknown baseline"):
        make_baseline("svd", random_task("warm"))


def test_combinations():
    assert combinations(a=(1, 2), b=(3,)) == ({"a": 1, "b": 3}, {"a": 2, "b": 3})
