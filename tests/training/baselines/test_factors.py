import numpy as np
import pytest
import torch

from training.baselines.factor_training import Fitting
from training.baselines.factors import Factors, Interactions


def test_each_interaction_is_on_the_side_of_its_item(make_task):
    task = make_task("warm", ["b", "f", "g", "f"], 3, [(0, 0), (0, 1), (1, 1), (2, 2)])
    graph = task.split.train
    interactions = Interactions.of(task, [graph.item_mask("books"), graph.item_mask("films")])
    assert interactions.users.tolist() == [0, 0, 1]  # games take no part
    assert interactions.items.tolist() == [0, 1, 1]
    assert interactions.side.tolist() == [0, 1, 1]
    assert [pool.tolist() for pool in interactions.pools] == [[0], [1]]
    assert interactions.popularity.tolist() == [1, 2, 0, 0]
    assert interactions.known().tolist() == [True, True, False]
    assert interactions.known(0).tolist() == [True, False, False]


@pytest.mark.parametrize(("row", "drawn"), [(0, [0, 1]), (1, [2, 3])], ids=["book", "film"])
def test_negatives_come_from_the_side_of_the_positive(make_task, row, drawn):
    task = make_task("warm", ["b", "b", "f", "f"], 2, [(0, 0), (0, 2), (1, 1), (1, 3)])
    graph = task.split.train
    interactions = Interactions.of(task, [graph.item_mask("books"), graph.item_mask("films")])
    items = torch.zeros(4, 2, requires_grad=True)
    users = torch.ones(2, 2)
    fitting = Fitting(epochs=1, negatives=64)
    draws = torch.Generator().manual_seed(0)
    rows = torch.tensor([row])
    interactions.loss(rows, [users, users], items, torch.zeros(4), fitting, draws).backward()
    assert items.grad.any(dim=1).nonzero().flatten().tolist() == drawn


def test_each_side_has_its_own_user_vectors(make_task):
    task = make_task("warm", ["b", "b", "f", "f"], 2, [(0, 0), (0, 2), (1, 1), (1, 3)])
    graph = task.split.train
    interactions = Interactions.of(task, [graph.item_mask("books"), graph.item_mask("films")])
    sides = [torch.zeros(2, 2, requires_grad=True) for _ in range(2)]
    items = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    films = (interactions.side == 1).nonzero().flatten()
    fitting = Fitting(epochs=1, negatives=8)
    draws = torch.Generator().manual_seed(0)
    interactions.loss(films, sides, items, torch.zeros(4), fitting, draws).backward()
    assert sides[0].grad is None
    assert (sides[1].grad != 0).all()


def test_scores_by_hand():
    factors = Factors(
        name="by hand",
        users=np.array([[1, 2], [5, 5]], dtype=np.float32),
        items=np.array([[1, 0], [0, 1], [1, 1]], dtype=np.float32),
        bias=np.array([0.5, 0, -1], dtype=np.float32),
        popularity=np.array([3, 1, 0], dtype=np.float32),
        known=np.array([True, False]),
    )
    scores = factors.score(np.array([1, 0]), np.array([2, 0]))
    np.testing.assert_allclose(scores, [[0, np.log(4)], [2, 1.5]], rtol=1e-6)
