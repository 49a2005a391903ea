import pytest
import torch

from gnn.adjacency import Adjacency
from gnn.convolutions import attention
from gnn.convolutions.attention import dots, gather, redistribute

SRC, DST = torch.tensor([0, 0, 1, 2, 2]), torch.tensor([0, 1, 1, 1, 3])


def edges(reverse=False, keep=None):
    propagation = Adjacency(SRC, DST, 3, 4).symmetric(keep)
    return propagation.reverse_edges if reverse else propagation.edges


def draw(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float32)


def by_hand(values, x, e):
    out = torch.zeros(e.num_dst, x.shape[1])
    width = x.shape[1] // values.shape[1]
    for edge, (src, dst) in enumerate(zip(e.src.tolist(), e.dst.tolist(), strict=True)):
        out[dst] += values[edge].repeat_interleave(width) * x[src]
    return out


@pytest.mark.parametrize("reverse", [False, True])
def test_sums_and_their_gradients_are_those_of_a_loop_over_edges(reverse):
    e = edges(reverse)
    values, x = draw(5, 2).requires_grad_(), draw(4 if reverse else 3, 6).requires_grad_()

    ours, expected = gather(values, x, e), by_hand(values, x, e)
    torch.testing.assert_close(ours, expected)
    for one, two in zip(
        torch.autograd.grad(ours.square().sum(), (values, x)),
        torch.autograd.grad(expected.square().sum(), (values, x)),
        strict=True,
    ):
        torch.testing.assert_close(one, two)


@pytest.mark.parametrize("at_once", [2, 65_536])
@pytest.mark.parametrize("reverse", [False, True])
def test_dot_products_and_their_gradients(reverse, at_once, monkeypatch):
    monkeypatch.setattr(attention, "EDGES_AT_ONCE", at_once)
    e = edges(reverse)
    sizes = (4, 3) if reverse else (3, 4)
    x, y = draw(sizes[0], 6).requires_grad_(), draw(sizes[1], 6).requires_grad_()

    ours, expected = dots(x, y, e, 2), (x[e.src] * y[e.dst]).view(5, 2, 3).sum(-1)
    torch.testing.assert_close(ours, expected)
    for one, two in zip(
        torch.autograd.grad(ours.square().sum(), (x, y)),
        torch.autograd.grad(expected.square().sum(), (x, y)),
        strict=True,
    ):
        torch.testing.assert_close(one, two)


def test_equal_logits_leave_the_priors_and_others_keep_their_sum():
    e = edges()
    prior = e.values[:, None]

    (same,) = redistribute([prior], [torch.full((5, 2), 7.0)], [e])
    (moved,) = redistribute([prior], [draw(5, 2)], [e])

    torch.testing.assert_close(same, prior.expand(5, 2))
    assert not torch.allclose(moved, same)
    for node in range(4):
        torch.testing.assert_close(moved[e.dst == node].sum(0), same[e.dst == node].sum(0))


def test_relations_share_one_softmax():
    e = edges()
    prior, logits = torch.ones(5, 1), draw(5, 1)

    both = torch.stack(redistribute([prior, 2 * prior], [logits, logits + 1], [e, e]))

    for node in (0, 1, 3):
        there = e.dst == node
        seen = torch.cat([logits[there], logits[there] + 1 + torch.tensor(2.0).log()])
        expected = torch.softmax(seen, 0) * 3 * there.sum()
        torch.testing.assert_close(both[:, there].reshape(-1, 1), expected)


def test_a_hidden_edge_decides_nothing_however_loud():
    keep = torch.tensor([True, False, True, True, True])
    e = edges(keep=keep)
    logits = draw(5, 2)
    loud = logits.clone()
    loud[1] = 1e6
    loud.requires_grad_()

    (quiet,) = redistribute([e.values[:, None]], [logits], [e])
    (hidden,) = redistribute([e.values[:, None]], [loud], [e])
    (grad,) = torch.autograd.grad(hidden.square().sum(), loud)

    assert torch.equal(hidden, quiet)
    assert not hidden[1].any()
    assert not grad[1].any()
    assert bool(torch.isfinite(grad).all())
