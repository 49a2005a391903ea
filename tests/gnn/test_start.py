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


def with_channels(graph, network, **more):
    """Return a network whose items have text, and other channels as given by node type."""
    text = network(graph).x["item"]["text"].numpy()
    channels = {"item": {"text": text}}
    for node_type, some in more.items():
        channels[node_type] = {**channels.get(node_type, {}), **some}
    return network(graph, channels=channels)


def test_channels_side_by_side_start_at_their_principal_components(graph, network):
    image = np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)
    image[3] = 0
    world = with_channels(graph, network, item={"image": image})

    items = start(world, width=5)

    x = world.x["item"]
    said = {c: items.project[items.names[c]](x[c]).detach().numpy() for c in ("text", "image")}
    joint = np.concatenate([x["text"].numpy(), image], axis=1)
    known = np.arange(10) != 3
    joint[3, 6:] = image[known].mean(axis=0)  # what is missing counts as average
    centred = joint - joint.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    expected = centred @ directions[:3].T
    ours = (said["text"] + said["image"] * known[:, None])[:, 5:]
    scale = np.linalg.norm(ours) / np.linalg.norm(expected)
    np.testing.assert_allclose(np.abs(ours), np.abs(expected) * scale, atol=1e-4)


def test_histories_start_with_the_components_of_texts_and_a_closed_gate(graph, network):
    history = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    world = with_channels(graph, network, user={"history:books": history})
    items = start(world, width=5)
    users = world.model.node_input("user")

    theirs, ours = users.project["of_history:books"], items.project["of_text"]
    assert torch.equal(theirs.weight, ours.weight)
    assert torch.equal(theirs.bias, ours.bias)


def test_other_channels_of_other_types_start_at_zero(graph, network):
    ages = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    numbers = np.random.default_rng(1).normal(size=(10, 2)).astype(np.float32)
    more = {"user": {"numeric": ages}, "item": {"numeric": numbers}}
    world = with_channels(graph, network, **more)
    items = start(world, width=5)

    assert bool(items.project["of_numeric"].weight.any())
    assert not world.model.node_input("user").project["of_numeric"].weight.any()


def test_a_history_without_texts_of_items_is_not_stuck_at_zero(graph, network):
    history = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    image = np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)
    channels = {"user": {"history:books": history}, "item": {"image": image}}
    world = network(graph, channels=channels)
    start(world, width=5)

    assert bool(world.model.node_input("user").project["of_history:books"].weight.any())
