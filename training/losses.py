"""Ranking losses over one positive and shared negatives per row."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def sampled_softmax(
    positive: Tensor, negatives: Tensor, log_expected: Tensor, hits: Tensor
) -> Tensor:
    r"""Cross-entropy of the positive against an estimate of the softmax over all candidates.

    .. math:: -s_i + \log\Big(e^{s_i} + \sum_j e^{s_j - \log(n q_j)}\Big)

    With `n` draws of probability `q_j` the sum is an unbiased estimate of that over all candidates
    (Bengio & Senécal 2008; Yi et al. 2019 for shared negatives).

    Args:
        positive: scores of the positives, `[batch]`.
        negatives: scores of the shared negatives, `[batch, n]`.
        log_expected: log(n q_j) of each negative, `[n]`.
        hits: True where a negative is the row's own positive, `[batch, n]`.

    Returns:
        Loss of each row, `[batch]`.
    """
    corrected = (negatives - log_expected).masked_fill(hits, -torch.inf)
    return torch.logaddexp(positive, corrected.logsumexp(dim=1)) - positive


def bpr(positive: Tensor, negatives: Tensor, log_expected: Tensor, hits: Tensor) -> Tensor:
    r"""Bayesian personalised ranking, mean over negatives (Rendle et al. 2009).

    .. math:: \frac{1}{n} \sum_j -\log \sigma(s_i - s_j)

    `log_expected` is not used: BPR estimates no sum over candidates.

    Returns:
        Loss of each row, `[batch]`; 0 where every negative is a hit.
    """
    losses = -F.logsigmoid(positive[:, None] - negatives)
    kept = (~hits).sum(dim=1).clamp(min=1)
    return losses.masked_fill(hits, 0.0).sum(dim=1) / kept


LOSSES = {"softmax": sampled_softmax, "bpr": bpr}

# scores that are in memory at once: what is done to them finds them in the cache of a core
CPU_CELLS, GPU_CELLS = 1 << 18, 1 << 26


def shared_loss(
    kind: str,
    positive: Tensor,
    queries: Tensor,
    negatives: Tensor,
    bias: Tensor,
    log_expected: Tensor,
    items: tuple[Tensor, Tensor],
) -> Tensor:
    """Return the sum over the rows of a loss whose negatives are scored by a dot product.

    The same as `LOSSES[kind](positive, queries @ negatives.T + bias, ...).sum()`, but the scores
    `[batch, n]` are never there all at once: of a few rows at a time the loss and its gradient are
    taken, and they are gone. It can be differentiated once.

    Args:
        kind: "softmax" or "bpr".
        positive: scores of the positives, `[batch]`.
        queries: of the rows, `[batch, width]`.
        negatives: vectors of the shared negatives, `[n, width]`.
        bias: of the same, `[n]`.
        log_expected: log(n q_j) of each, `[n]`.
        items: which item each positive and each negative is, int64 `[batch]` and `[n]`.
    """
    if kind == "softmax":
        bias = bias - log_expected
    found: Tensor = _SharedLoss.apply(kind, positive, queries, negatives, bias, *items)  # type: ignore[no-untyped-call]
    return found


class _SharedLoss(torch.autograd.Function):
    """Loss and gradient in one pass over the scores, a few rows at a time."""

    @staticmethod
    def forward(
        ctx: Any,
        kind: str,
        positive: Tensor,
        queries: Tensor,
        negatives: Tensor,
        bias: Tensor,
        own: Tensor,
        others: Tensor,
    ) -> Tensor:
        cells = CPU_CELLS if queries.device.type == "cpu" else GPU_CELLS
        rows = max(1, cells // max(1, len(negatives)))
        losses, to_positive = torch.empty_like(positive), torch.empty_like(positive)
        to_queries = torch.empty_like(queries)
        to_negatives, to_bias = torch.zeros_like(negatives), torch.zeros_like(bias)
        one = _softmax_rows if kind == "softmax" else _bpr_rows
        for start in range(0, len(queries), rows):
            part = slice(start, start + rows)
            scores = (queries[part] @ negatives.T).float().add_(bias)
            hits = own[part, None] == others
            # `scores` become what each pulls at its row, but for one factor of the row
            losses[part], to_positive[part], factor = one(positive[part], scores, hits)
            to_queries[part] = (scores @ negatives) * factor[:, None]
            to_negatives += scores.T @ (queries[part] * factor[:, None])
            to_bias += scores.T @ factor
        ctx.save_for_backward(to_positive, to_queries, to_negatives, to_bias)
        return losses.sum()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        return None, *(gradient * grads[0] for gradient in ctx.saved_tensors), None, None


def _softmax_rows(positive: Tensor, scores: Tensor, hits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    scores.masked_fill_(hits, -torch.inf)
    highest = torch.maximum(scores.amax(dim=1), positive)
    scores.sub_(highest[:, None]).exp_()
    own = (positive - highest).exp()
    total = scores.sum(dim=1) + own
    return total.log() + highest - positive, own / total - 1, 1 / total


def _bpr_rows(positive: Tensor, scores: Tensor, hits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    scores.sub_(positive[:, None]).masked_fill_(hits, -torch.inf)
    share = 1 / (scores.shape[1] - hits.sum(dim=1)).clamp(min=1)
    losses = F.softplus(scores).sum(dim=1) * share
    scores.sigmoid_()
    return losses, -scores.sum(dim=1) * share, share
