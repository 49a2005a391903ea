"""What tuning minimises: small pure functions of similarities, logits and vectors."""

import torch
from torch import Tensor
from torch.nn import functional

IGNORED = -100  # a label that `cross_entropy` leaves out


def info_nce(
    similarities: Tensor,
    positives: Tensor,
    known: Tensor,
    *,
    temperature: float,
    log_popularity: Tensor | None = None,
) -> Tensor:
    """Return the mean softmax loss of each anchor's positive among all candidates.

    The mean over anchors a of `-log(exp(l[a, p_a]) / sum_c exp(l[a, c]))` where
    `l = similarities / temperature - log_popularity` (van den Oord et al., 2018; the correction is
    that of Yi et al., 2019). Candidates that are known to go with an anchor are no negatives of it.

    Args:
        similarities: `[num_anchors, num_candidates]`.
        positives: column of each anchor's positive, int64 `[num_anchors]`.
        known: candidates that are no negatives, bool `[num_anchors, num_candidates]`.
        temperature: what similarities are divided by.
        log_popularity: of each candidate, `[num_candidates]`. Without it, what is learned is how
            much likelier a candidate is with the anchor than without; with it, how likely.
    """
    logits = similarities / temperature
    if log_popularity is not None:
        logits = logits - log_popularity
    own = torch.zeros_like(known)
    own[torch.arange(len(positives), device=own.device), positives] = True
    return functional.cross_entropy(logits.masked_fill(known & ~own, -torch.inf), positives)


def both_ways(
    anchors: Tensor,
    candidates: Tensor,
    known: Tensor,
    *,
    temperature: float,
    log_popularity: Tensor | None = None,
) -> Tensor:
    """Return `info_nce` from anchors to candidates and back, averaged.

    Args:
        anchors: L2-normalised, `[num_anchors, dim]`.
        candidates: L2-normalised, `[num_candidates, dim]`: the positive of each anchor, in the same
            order, then any number of further negatives, which are not asked for on the way back.
        known: bool `[num_anchors, num_candidates]`.
        temperature: as in `info_nce`.
        log_popularity: of the candidates on the way there, `[num_candidates]`.
    """
    similarities, size = anchors @ candidates.T, len(anchors)
    own = torch.arange(size, device=anchors.device)
    there = info_nce(
        similarities, own, known, temperature=temperature, log_popularity=log_popularity
    )
    back = info_nce(similarities[:, :size].T, own, known[:, :size].T, temperature=temperature)
    return (there + back) / 2


def listwise(similarities: Tensor, targets: Tensor, *, temperature: float) -> Tensor:
    """Return how far the order of text similarities is from that of target similarities.

    The mean over rows i of `KL(t[i, j] / sum_j t[i, j] || softmax_j(s[i, j] / temperature))`, j
    over all rows but i (ListNet, Cao et al., 2007, with shares as targets: a target of 0 is 0). A
    row that is like no other says nothing and is left out.

    Args:
        similarities: `[num_rows, num_rows]`, of texts.
        targets: `[num_rows, num_rows]`, 0 or more, of users in common.
        temperature: of `similarities`.
    """
    itself = torch.eye(len(targets), dtype=torch.bool, device=targets.device)
    wanted = targets.masked_fill(itself, 0)
    rows = (wanted > 0).any(dim=1)
    if not bool(rows.any()):
        return similarities.sum() * 0
    shares = wanted[rows] / wanted[rows].sum(dim=1, keepdim=True)
    # Not -inf: 0 * -inf is no number, and so is its gradient.
    low = torch.finfo(similarities.dtype).min / 4
    log_q = (similarities / temperature).masked_fill(itself, low)[rows].log_softmax(dim=1)
    terms = torch.where(shares > 0, shares * (shares.clamp(min=1e-30).log() - log_q), 0.0)
    return terms.sum(dim=1).mean()


def next_or_masked(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean loss of the labels that are not `IGNORED`; 0 if all are.

    Args:
        logits: `[..., num_tokens]`.
        labels: int64 `[...]`.
    """
    total = functional.cross_entropy(
        logits.flatten(0, -2).float(), labels.flatten(), ignore_index=IGNORED, reduction="sum"
    )
    return total / (labels != IGNORED).sum().clamp(min=1)


def distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Return how far a student's vectors are from a teacher's.

    Of vectors of one length, the mean of `1 - cos`, which is half the squared distance of the
    normalised vectors. Of different lengths, the mean squared difference of the two matrices of
    cosines within the batch, off the diagonal.

    Args:
        student: L2-normalised, `[num_texts, dim]`.
        teacher: L2-normalised, `[num_texts, teacher_dim]`.
    """
    if student.shape[1] == teacher.shape[1]:
        return 1 - (student * teacher).sum(dim=1).mean()
    apart = (student @ student.T - teacher @ teacher.T).square()
    others = ~torch.eye(len(student), dtype=torch.bool, device=student.device)
    return apart[others].mean() if len(student) > 1 else apart.sum() * 0
