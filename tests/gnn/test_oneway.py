import torch

from gnn.adjacency import Adjacency
from gnn.oneway import OneWay

SRC, DST = torch.tensor([2, 0, 1, 0]), torch.tensor([0, 1, 1, 2])
FORWARDS, BACKWARDS = torch.tensor([1.0, 0.0, 3.0, 0.0]), torch.tensor([0.0, 2.0, 0.0, 4.0])


def test_each_direction_carries_its_own():
    degrees = torch.tensor([5.0, 6.0, 7.0])
    edges = OneWay(SRC, DST, degrees, degrees + 10, FORWARDS, BACKWARDS)
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    forwards, backwards = torch.zeros(3, 3), torch.zeros(3, 3)
    forwards[DST, SRC] = FORWARDS
    backwards[SRC, DST] = BACKWARDS
    torch.testing.assert_close(edges(x), forwards @ x)
    torch.testing.assert_close(edges.reverse(x), backwards @ x)
    for some, matrix in ((edges.edges, forwards), (edges.reverse_edges, backwards)):
        found = torch.zeros(3, 3)
        found[some.dst, some.src] = some.values
        assert torch.equal(found, matrix)
    assert torch.equal(edges.out_degree, degrees)
    assert torch.equal(edges.in_degree, degrees + 10)


def test_the_same_both_ways_is_a_propagation():
    weight = torch.tensor([1.0, 2.0, 3.0, 4.0])
    whole = Adjacency(SRC, DST, 3, 3, weight).symmetric()
    carried = weight * whole.out_degree[SRC] ** -0.5 * whole.in_degree[DST] ** -0.5
    edges = OneWay(SRC, DST, whole.out_degree, whole.in_degree, carried, carried)
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(edges(x), whole(x))
    torch.testing.assert_close(edges.reverse(x), whole.reverse(x))
