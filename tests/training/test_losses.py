import math

import pytest
import torch
import torch.nn.functional as F

from training import losses
from training.losses import LOSSES, bpr, sampled_softmax, shared_loss

NO_HITS = torch.zeros(1, 1, dtype=torch.bool)


def test_bpr_is_minus_log_sigma():
    loss = bpr(torch.tensor([2.0]), torch.tensor([[0.5]]), torch.zeros(1), NO_HITS)

    assert float(loss) == pytest.approx(-math.log(1 / (1 + math.exp(-1.5))))
    assert float(loss) != pytest.approx(1 - 1 / (1 + math.exp(-1.5)))


def test_bpr_is_the_mean_over_negatives_that_are_no_hits():
    negatives = torch.tensor([[0.5, 1.0, -3.0], [0.5, 1.0, -3.0]])
    hits = torch.tensor([[False, True, False], [True, True, True]])

    loss = bpr(torch.tensor([2.0, 2.0]), negatives, torch.zeros(3), hits)

    expected = (math.log1p(math.exp(-1.5)) + math.log1p(math.exp(-5))) / 2
    assert loss.tolist() == pytest.approx([expected, 0.0])


def test_every_candidate_drawn_once_gives_the_full_softmax():
    """n = num_candidates uniform draws have n q = 1: nothing is corrected."""
    scores = torch.tensor([[1.0, -2.0, 0.5, 3.0], [0.0, 0.1, 0.2, 0.3]])
    positives = torch.tensor([2, 0])
    hits = torch.arange(4) == positives[:, None]
    log_expected = torch.log(torch.full((4,), 4 * 1 / 4))

    loss = sampled_softmax(scores[[0, 1], positives], scores, log_expected, hits)

    torch.testing.assert_close(loss, F.cross_entropy(scores, positives, reduction="none"))


def test_the_correction_undoes_the_draw():
    """A candidate expected twice and drawn twice counts once."""
    positive = torch.tensor([1.0])
    once = torch.tensor([[0.3, -1.0]])
    twice = torch.tensor([[0.3, 0.3, -1.0]])
    log_expected = torch.tensor([2.0, 2.0, 1.0]).log()
    no_hits = torch.zeros(1, 3, dtype=torch.bool)

    torch.testing.assert_close(
        sampled_softmax(positive, twice, log_expected, no_hits),
        sampled_softmax(positive, once, torch.zeros(2), no_hits[:, :2]),
    )


def test_the_sampled_sum_is_an_unbiased_estimate():
    draws = torch.Generator().manual_seed(0)
    scores = torch.randn(20, generator=draws)
    q = torch.softmax(torch.randn(20, generator=draws), 0)
    n, rows = 50, 4_000
    drawn = torch.multinomial(q, n * rows, replacement=True, generator=draws).view(rows, n)
    log_expected = (n * q).log()

    # with a score of -inf for the positive, loss + score is the log of the estimated sum
    low = torch.full((rows,), -30.0)
    sums = torch.stack(
        [
            (sampled_softmax(s[None], scores[d][None], log_expected[d], NO_HITS.expand(1, n)) + s)[
                0
            ]
            for s, d in zip(low[:1_000], drawn[:1_000], strict=True)
        ]
    ).exp()

    assert float(sums.mean()) == pytest.approx(float(scores.exp().sum()), rel=0.05)


def test_accidental_hits_do_not_count():
    positive = torch.tensor([1.0, 1.0])
    negatives = torch.tensor([[0.0, 9.0], [0.0, 9.0]])
    hits = torch.tensor([[False, True], [False, False]])

    for loss in LOSSES.values():
        masked, counted = loss(positive, negatives, torch.zeros(2), hits)
        alone = loss(positive[:1], negatives[:1, :1], torch.zeros(1), hits[:1, :1])
        assert float(masked) == pytest.approx(float(alone[0]))
        assert float(counted) > float(masked) + 1


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("positive", [-1e9, 0.0, 1e9])
@pytest.mark.parametrize("negative", [-1e9, 0.0, 1e9])
def test_extremes_stay_finite_with_their_gradients(name, positive, negative):
    scores = torch.tensor([positive], requires_grad=True)
    against = torch.tensor([[negative, negative]], requires_grad=True)

    loss = LOSSES[name](scores, against, torch.zeros(2), torch.tensor([[False, True]]))
    loss.sum().backward()

    assert bool(torch.isfinite(loss).all())
    assert float(loss.detach()) == pytest.approx(max(negative - positive, 0), abs=1)
    for value in (scores, against):
        assert bool(torch.isfinite(value.grad).all())


@pytest.mark.parametrize("name", LOSSES)
def test_a_row_of_hits_alone_has_neither_loss_nor_gradient(name):
    scores = torch.tensor([1.0], requires_grad=True)
    against = torch.tensor([[1.0, 1.0]], requires_grad=True)

    loss = LOSSES[name](scores, against, torch.zeros(2), torch.ones(1, 2, dtype=torch.bool))
    loss.sum().backward()

    assert loss.tolist() == [0.0]
    assert against.grad.tolist() == [[0.0, 0.0]]
    assert scores.grad.tolist() == [0.0]


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("cells", [1, 70, 1 << 20])
def test_the_loss_in_one_pass_is_that_of_all_scores(kind, cells, monkeypatch):
    """Values and gradients; some negatives are the positive of a row, of one row all are."""
    monkeypatch.setattr(losses, "CPU_CELLS", cells)
    draws = torch.Generator().manual_seed(0)
    vectors = [torch.randn(shape, generator=draws) for shape in ((9, 4), (9, 4), (7, 4), (7,))]
    vectors[0][1] *= 40  # scores far apart
    log_expected = torch.randn(7, generator=draws)
    own, some = torch.arange(9), torch.tensor([3, 3, 11, 12, 5, 13, 0])
    for others in (some, torch.full((7,), 4)):
        found = []
        for fused in (True, False):
            query, own_z, negatives, bias = (v.clone().requires_grad_() for v in vectors)
            positive = (query * own_z).sum(1)
            if fused:
                items = (own, others)
                loss = shared_loss(kind, positive, query, negatives, bias, log_expected, items)
            else:
                scores, hits = query @ negatives.T + bias, own[:, None] == others
                loss = LOSSES[kind](positive, scores, log_expected, hits).sum()
            (loss / 3).backward()
            found.append((loss.detach(), *(v.grad for v in (query, own_z, negatives, bias))))
        for ours, expected in zip(*found, strict=True):
            torch.testing.assert_close(ours, expected)
            assert torch.isfinite(ours).all()
