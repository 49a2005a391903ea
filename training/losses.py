"""Ranking losses over one positive and shared negatives per row."""

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
