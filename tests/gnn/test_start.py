import numpy as np
import pytest
import torch

from gnn.spectral import spectral_items
from gnn.start import start_from_data


def start(world, width, seed=0):
    edges = world.graph.interaction_edges
    start_from_data(world.model, world.x, edges.src, edges.dst, num_users=5, width=width, seed=seed)
    return world.model.inputs["of_item"]


def test_items_start_at_singular_vectors_and_texts_at_principal_components(world):
    edges = world.graph.interaction_edges
    before = world.model.inputs["of_item"].residual.detach().clone()

    items = start(world, width=5)

    ours = items.residual[:, :5].detach().numpy()
    expected = spectral_items(edges.src, edges.dst, 5, 10, 5, 0)
    np.testing.assert_allclose(ours / ours.std(), expected / expected.std(), atol=1e-5)
    assert torch.equal(items.residual[:, 5:], before[:, 5:])
    projected = items.project["of_text"](world.x["item"]["text"])
    assert not projected[:, :5].any()  # the two parts stay apart
    torch.testing.assert_close(projected[:, 5:].mean(0), torch.zeros(3), atol=1e-5, rtol=0)
    assert bool((projected[:, 5:].std(0) > 0.1).all())


def test_item_biases_order_items_as_their_popularity_does(world):
    start(world, width=8)

    edges = world.graph.interaction_edges
    counts = np.bincount(edges.dst, minlength=10)
    bias = world.model.item_bias.detach().numpy()
    for one in range(10):
        for two in range(10):
            if counts[one] > counts[two] > 0:
                assert bias[one] > bias[two]


def test_text_coordinates_may_be_none(world):
    weight = world.model.inputs["of_item"].project["of_text"].weight.detach().clone()

    items = start(world, width=8)

    assert torch.equal(items.project["of_text"].weight, weight)


@pytest.mark.parametrize("width", [5, 8])
def test_one_seed_gives_one_start_whatever_the_global_generators_did(graph, network, width):
    first = start(network(graph), width)
    np.random.seed(3)  # noqa: NPY002 - a global generator, on purpose
    torch.manual_seed(3)

    again = start(network(graph), width)

    for name, value in first.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
