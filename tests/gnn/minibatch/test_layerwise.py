import pytest
import torch

from gnn.convolutions.base import CONVOLUTIONS
from gnn.minibatch.layerwise import LayerWise
from gnn.minibatch.surroundings import Surroundings


def embed(network, world, block_edges):
    """Return embeddings of all nodes, and of how many nodes channels were taken at most."""
    most = 0

    def take(rows):
        nonlocal most
        most = max(most, sum(map(len, rows.values())))
        return {t: {c: x[rows[t]] for c, x in named.items()} for t, named in network.x.items()}

    finder = Surroundings(network.model.num_nodes, "user", "item", torch.device("cpu"))
    return LayerWise(network.model, finder, take, torch.zeros, block_edges).embed(world), most


@pytest.mark.parametrize("convolution", CONVOLUTIONS)
def test_blocks_give_what_the_whole_graph_gives(
    crowd, network, channels, make_world, hidden, convolution
):
    net = network(crowd, convolution=convolution, channels=channels)
    expected = net.model(net.x, net.views.view(**hidden))

    found, most = embed(net, make_world(net, **hidden), 20)

    assert most < 20
    assert found.z.keys() == expected.z.keys()
    for kind, rows in expected.z.items():
        torch.testing.assert_close(found.z[kind], rows.detach(), rtol=1e-4, atol=1e-5)
    for edge, rows in expected.domain_views.items():
        torch.testing.assert_close(found.domain_views[edge], rows.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.item_bias, expected.item_bias.detach())


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("block_edges", [1, 10_000])
def test_blocks_of_any_size_and_any_number_of_hops(crowd, network, make_world, layers, block_edges):
    net = network(crowd, layers=layers)
    expected = net.model(net.x, net.views.view())

    found, _ = embed(net, make_world(net), block_edges)

    for kind, rows in expected.z.items():
        torch.testing.assert_close(found.z[kind], rows.detach(), rtol=1e-4, atol=1e-5)
