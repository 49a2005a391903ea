import numpy as np
import pytest
import torch
from torch_geometric.nn.models import LightGCN as ReferenceLightGCN

from training.baselines.factor_training import Fitting
from training.baselines.factors import Interactions
from training.baselines.lightgcn import LightGCN, Network, fit_lightgcn
from training.seed import generator


def whole(task) -> Interactions:
    return Interactions.of(task, [task.split.train.item_mask("books", "films")])


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_vectors_equal_those_of_pyg(random_task, layers):
    interactions = whole(random_task("warm"))
    network = Network(interactions, 6, layers, generator(0, "test"))
    reference = ReferenceLightGCN(80 + 50, 6, layers)
    with torch.no_grad():
        reference.embedding.weight.copy_(torch.cat([network.users, network.items]))
    there = torch.stack([interactions.users, interactions.items + 80])
    expected = reference.get_embedding(torch.cat([there, there.flip(0)], dim=1))
    users, items = network()
    torch.testing.assert_close(torch.cat([users, items]), expected)


def test_gradients_equal_those_of_dense_products(random_task):
    interactions = whole(random_task("warm"))
    network = Network(interactions, 4, 2, generator(0, "test"))
    adjacency = torch.zeros(130, 130)
    adjacency[interactions.users, interactions.items + 80] = 1
    adjacency += adjacency.T.clone()
    scale = adjacency.sum(1).clamp(min=1).rsqrt()
    adjacency = scale[:, None] * adjacency * scale
    x = torch.cat([network.users, network.items]).detach().requires_grad_()
    expected = (x + adjacency @ x + adjacency @ adjacency @ x) / 3
    weights = torch.randn(130, 4, generator=torch.Generator().manual_seed(0))
    (expected * weights).sum().backward()
    (torch.cat(network()) * weights).sum().backward()
    found = torch.cat([network.users.grad, network.items.grad])
    torch.testing.assert_close(found, x.grad, rtol=1e-4, atol=1e-6)


def test_without_epochs_scores_are_dot_products_and_popularity(random_task):
    task = random_task("warm")
    interactions = whole(task)
    fitted = fit_lightgcn(
        interactions, Fitting(epochs=0), seed=1, width=4, layers=2, name="test", task=task
    )
    network = Network(interactions, 4, 2, generator(1, "test: vectors"))
    users, items = (part.detach().numpy() for part in network())
    popularity = interactions.popularity.numpy() + 1
    warm = np.flatnonzero(interactions.popularity)
    known = interactions.known().nonzero().flatten().numpy()
    expected = users[known] @ items[warm].T + np.log(popularity / popularity.mean())[warm]
    np.testing.assert_allclose(fitted.score(known, warm), expected, rtol=1e-4, atol=1e-5)


def test_of_the_target_alone_cold_users_get_popularity(random_task):
    task = random_task("user-cold")
    scorer = LightGCN(task, merged=False, width=4, epochs=2)
    assert scorer.name == "LightGCN, target alone"
    cold, items = task.split.cold_users, task.split.test.candidates
    counts = np.bincount(task.split.train.interaction_edges.dst, minlength=50)[items]
    np.testing.assert_allclose(scorer.score(cold, items), np.tile(np.log1p(counts), (8, 1)))
    merged = LightGCN(task, width=4, epochs=2).score(cold, items)
    assert not np.allclose(merged, merged[:1])


def test_an_item_without_interactions_has_no_vector(random_task):
    task = random_task("item-cold")
    cold = task.split.cold_items
    users = np.unique(task.split.train.interaction_edges.src)
    scores = LightGCN(task, width=4, epochs=2).score(users, cold)
    assert np.ptp(scores) == 0  # the bias of what nobody used
