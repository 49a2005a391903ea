import math

import numpy as np
import pytest
import torch
from torch import nn

from gnn.alignment import (
    PAIRED,
    Adversarial,
    alignment_loss,
    contrastive,
    coral,
    mmd,
    schedule,
    sinkhorn,
)

OF_DISTRIBUTIONS = [mmd, coral, sinkhorn]


def sample(seed, n=64, shift=0.0):
    return torch.randn(n, 4, generator=torch.Generator().manual_seed(seed)) + shift


def test_mmd_of_equal_samples_is_zero_and_grows_with_the_shift():
    assert float(mmd(sample(0), sample(0))) == pytest.approx(0, abs=1e-6)
    values = [float(mmd(sample(0), sample(1, shift=shift))) for shift in (0, 0.5, 1, 2)]
    assert values == sorted(values)
    assert values[1] > 2 * values[0] > 0


def test_mmd_equals_a_loop_over_pairs():
    source, target = sample(0, n=3), sample(1, n=2, shift=1)
    both = torch.cat([source, target]).double().numpy()
    distance = ((both[:, None] - both[None]) ** 2).sum(-1)
    kernel = np.mean([np.exp(-distance / distance.mean() / s) for s in (0.25, 0.5, 1, 2, 4)], 0)
    sign = np.array([1 / 3] * 3 + [-1 / 2] * 2)

    assert float(mmd(source, target)) == pytest.approx(sign @ kernel @ sign, abs=1e-5)


@pytest.mark.parametrize("loss", OF_DISTRIBUTIONS)
def test_losses_of_distributions_do_not_depend_on_scale_or_order(loss):
    source, target = sample(0), sample(1, shift=1)

    expected = float(loss(source, target))

    assert float(loss(source * 100, target * 100)) == pytest.approx(expected, rel=1e-3)
    assert float(loss(source.flip(0), target)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("loss", OF_DISTRIBUTIONS)
def test_a_step_down_brings_samples_together(loss):
    source, target = sample(0).requires_grad_(), sample(1, shift=1)

    before = loss(source, target)
    before.backward()
    after = loss(source.detach() - source.grad, target)

    assert bool(torch.isfinite(source.grad).all())
    assert float(after) < float(before.detach())


@pytest.mark.parametrize("loss", OF_DISTRIBUTIONS)
def test_shrinking_all_embeddings_is_no_way_down(loss):
    both = torch.cat([sample(0, n=200, shift=1), sample(1, n=200)]).requires_grad_()

    loss(both[:200], both[200:]).backward()

    along = (both.grad * both.detach()).sum() / both.grad.norm() / both.detach().norm()
    assert abs(float(along)) < 0.05


def test_mmd_of_a_collapsed_sample_is_finite_with_its_gradient():
    same = torch.ones(4, 3, requires_grad=True)

    mmd(same, torch.ones(4, 3)).backward()

    assert bool(torch.isfinite(same.grad).all())


def test_coral_by_hand():
    source = torch.tensor([[0.0, 0.0], [2.0, 0.0]])  # mean (1, 0), covariance [[2, 0], [0, 0]]
    target = torch.tensor([[1.0, 0.0], [1.0, 4.0]])  # mean (1, 2), covariance [[0, 0], [0, 8]]
    scale = (2 / 3 + 4) / 2  # variances of 0 2 1 1 and of 0 0 0 4

    expected = (0 + 4) / 2 / scale + (2**2 + 8**2) / (4 * 2 * scale**2)

    assert float(coral(source, target)) == pytest.approx(expected, rel=1e-5)
    assert float(coral(source, source)) == 0


def test_sinkhorn_of_equal_samples_is_zero_and_grows_with_the_shift():
    same = sample(0)
    assert float(sinkhorn(same, same)) == 0
    assert float(sinkhorn(same, same.flip(0))) == pytest.approx(0, abs=1e-6)
    values = [float(sinkhorn(same, sample(1, shift=shift))) for shift in (0, 0.5, 1, 2)]
    assert values == sorted(values)
    assert values[0] > 0.01


def test_sinkhorn_by_hand():
    source, target = torch.tensor([[0.0], [1.0]]), torch.tensor([[3.0], [4.0]])
    cost = np.array([[0, 1, 9, 16], [1, 0, 4, 9], [9, 4, 0, 1], [16, 9, 1, 0]]) / 5
    blur = 0.5

    def transport(cost):
        """Two points on either side: a plan has one free number, so a grid will do."""
        share = np.linspace(1e-6, 0.5 - 1e-6, 200_001)
        plan = np.stack([share, 0.5 - share, 0.5 - share, share])
        total = (plan * cost.ravel()[:, None]).sum(0)
        return (total + blur * (plan * np.log(4 * plan)).sum(0)).min()

    expected = transport(cost[:2, 2:]) - transport(cost[:2, :2]) / 2 - transport(cost[2:, 2:]) / 2
    assert float(sinkhorn(source, target, blur, 200)) == pytest.approx(expected, rel=1e-4)


def test_gradient_of_sinkhorn_is_that_of_the_converged_solution():
    source, target = sample(0, n=6).double().requires_grad_(), sample(1, n=5, shift=1).double()

    def loss(rows):
        return sinkhorn(rows, target, 0.2, 500)

    assert torch.autograd.gradcheck(loss, (source,), eps=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["mmd", "coral", "sinkhorn", "adversarial", "contrastive"])
def test_minimised_alone_each_loss_brings_two_domains_together(kind):
    torch.manual_seed(0)
    source, target = nn.Parameter(sample(0, shift=1.5)), sample(1)
    loss = alignment_loss(kind, 4)
    parameters = [source, *(loss.parameters() if isinstance(loss, nn.Module) else [])]
    optimizer = torch.optim.Adam(parameters, lr=0.05)
    judge = contrastive if kind == "contrastive" else mmd  # pairs meet, clouds need not
    before = float(judge(source.detach(), target))

    for _ in range(100):
        optimizer.zero_grad()
        loss(source, target).backward()
        optimizer.step()

    assert float(judge(source.detach(), target)) < 0.5 * before


def test_contrastive_is_least_where_rows_belong_together():
    rows = torch.eye(4)
    best = -math.log(math.exp(5) / (math.exp(5) + 3))  # cosines 1 and 0, temperature 1/5

    assert float(contrastive(rows, 3 * rows)) == pytest.approx(best, rel=1e-5)
    assert float(contrastive(rows, rows.roll(1, 0))) > best + 4
    assert float(contrastive(torch.ones(4, 2), torch.ones(4, 2))) == pytest.approx(math.log(4))


def test_the_discriminator_learns_and_embeddings_receive_the_negated_gradient():
    torch.manual_seed(0)
    module = Adversarial(4)
    source, target = sample(0, shift=1).requires_grad_(), sample(1).requires_grad_()

    loss = module(source, target)
    loss.backward()

    both = torch.cat([source, target]).detach().requires_grad_()
    logits = module.discriminate(both / both.detach().square().mean().sqrt()).squeeze(1)
    labels = torch.cat([torch.zeros(64), torch.ones(64)])
    plain = nn.functional.binary_cross_entropy_with_logits(logits, labels)
    theirs = torch.autograd.grad(plain, [both, *module.parameters()])
    assert float(loss.detach()) == pytest.approx(float(plain.detach()))
    torch.testing.assert_close(torch.cat([source.grad, target.grad]), -theirs[0])
    for parameter, gradient in zip(module.parameters(), theirs[1:], strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_losses_by_name():
    assert alignment_loss("none", 4) is None
    assert alignment_loss("mmd", 4) is mmd
    assert alignment_loss("coral", 4) is coral
    assert alignment_loss("sinkhorn", 4) is sinkhorn
    assert alignment_loss("contrastive", 4) is contrastive
    assert isinstance(alignment_loss("adversarial", 4), Adversarial)
    assert PAIRED == ("contrastive",)


def test_schedules():
    steps = [0.0, 0.1, 0.5, 1.0]
    assert [schedule("constant", p) for p in steps] == [1, 1, 1, 1]
    ramp = [schedule("ramp", p) for p in steps]
    assert ramp == pytest.approx([0, 0.46212, 0.98661, 0.99991], abs=1e-5)
    assert [schedule("decay", 1 - p) for p in steps] == pytest.approx(ramp)
