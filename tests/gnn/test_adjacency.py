import numpy as np
import pytest
import torch

from gnn.adjacency import Adjacency

NUM_SRC, NUM_DST = 6, 4
SRC = torch.tensor([0, 1, 2, 3, 3, 5, 0])
DST = torch.tensor([0, 0, 1, 1, 3, 3, 3])  # source 4 and destination 2 have no edge
WEIGHT = torch.tensor([1.0, 2.0, 0.5, 3.0, 1.0, 0.25, 4.0])


def dense(keep=None):
    matrix = np.zeros((NUM_DST, NUM_SRC))
    for edge in range(len(SRC)):
        if keep is None or keep[edge]:
            matrix[DST[edge], SRC[edge]] = WEIGHT[edge]
    return matrix


def dense_symmetric(matrix):
    def inverse_root(degree):
        return np.divide(1, np.sqrt(degree), out=np.zeros_like(degree), where=degree > 0)

    return inverse_root(matrix.sum(1))[:, None] * matrix * inverse_root(matrix.sum(0))


def dense_mean(matrix):
    degree = matrix.sum(1, keepdims=True)
    return np.divide(matrix, degree, out=np.zeros_like(matrix), where=degree > 0)


@pytest.fixture
def adjacency():
    return Adjacency(SRC, DST, NUM_SRC, NUM_DST, WEIGHT)


@pytest.fixture
def x():
    return torch.randn(NUM_SRC, 3, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def y():
    return torch.randn(NUM_DST, 3, generator=torch.Generator().manual_seed(1))


REFERENCES = [("symmetric", dense_symmetric), ("mean", dense_mean)]


@pytest.mark.parametrize(("name", "reference"), REFERENCES)
def test_both_directions_equal_dense_numpy(adjacency, x, y, name, reference):
    propagation = getattr(adjacency, name)()
    matrix = reference(dense())

    np.testing.assert_allclose(propagation(x), matrix @ x.numpy(), atol=1e-6)
    np.testing.assert_allclose(propagation.reverse(y), matrix.T @ y.numpy(), atol=1e-6)


def test_no_weight_is_a_weight_of_one(x):
    plain = Adjacency(SRC, DST, NUM_SRC, NUM_DST).symmetric()
    ones = Adjacency(SRC, DST, NUM_SRC, NUM_DST, torch.ones(len(SRC))).symmetric()

    assert torch.equal(plain(x), ones(x))


@pytest.mark.parametrize(("name", "reference"), REFERENCES)
def test_hiding_edges_equals_building_without_them(adjacency, x, y, name, reference):
    hidden = (adjacency.src == 3) & (adjacency.dst == 1) | (adjacency.dst == 3)
    shown = ~((SRC == 3) & (DST == 1) | (DST == 3))
    rebuilt = Adjacency(SRC[shown], DST[shown], NUM_SRC, NUM_DST, WEIGHT[shown])
    propagation, expected = getattr(adjacency, name)(~hidden), getattr(rebuilt, name)()

    np.testing.assert_allclose(propagation(x), reference(dense(shown)) @ x.numpy(), atol=1e-6)
    torch.testing.assert_close(propagation(x), expected(x))
    torch.testing.assert_close(propagation.reverse(y), expected.reverse(y))
    assert bool((propagation(x)[3] == 0).all())


def test_hiding_everything_gives_zeros(adjacency, x):
    nothing = torch.zeros(len(adjacency), dtype=torch.bool)

    for name, _ in REFERENCES:
        assert bool((getattr(adjacency, name)(nothing)(x) == 0).all())


@pytest.mark.parametrize("direction", ["__call__", "reverse"])
def test_gradient_equals_the_dense_gradient(adjacency, x, y, direction):
    matrix = torch.from_numpy(dense_symmetric(dense())).float()
    dense_product = matrix if direction == "__call__" else matrix.T
    start, other = (x, y) if direction == "__call__" else (y, x)

    ours = start.clone().requires_grad_()
    (getattr(adjacency.symmetric(), direction)(ours).tanh() * other).sum().backward()
    theirs = start.clone().requires_grad_()
    ((dense_product @ theirs).tanh() * other).sum().backward()

    assert float(theirs.grad.abs().sum()) > 0
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_half_precision_input_is_summed_in_float32_and_its_gradient_is_of_its_type(adjacency, x):
    half = x.bfloat16().requires_grad_()

    out = adjacency.symmetric()(half)
    out.sum().backward()

    assert out.dtype == torch.float32
    assert half.grad.dtype == torch.bfloat16
    torch.testing.assert_close(out, adjacency.symmetric()(half.detach().float()))


def test_the_order_of_edges_does_not_matter(adjacency, x, y):
    order = torch.randperm(len(SRC), generator=torch.Generator().manual_seed(2))
    shuffled = Adjacency(SRC[order], DST[order], NUM_SRC, NUM_DST, WEIGHT[order])

    assert torch.equal(shuffled.symmetric()(x), adjacency.symmetric()(x))
    assert torch.equal(shuffled.symmetric().reverse(y), adjacency.symmetric().reverse(y))
    assert torch.equal(shuffled.src, adjacency.src)


def test_a_relation_without_edges_carries_nothing(x, y):
    nothing = torch.zeros(0, dtype=torch.long)
    empty = Adjacency(nothing, nothing, NUM_SRC, NUM_DST)

    assert len(empty) == 0
    assert torch.equal(empty.symmetric()(x), torch.zeros(NUM_DST, 3))
    assert torch.equal(empty.mean().reverse(y), torch.zeros(NUM_SRC, 3))
