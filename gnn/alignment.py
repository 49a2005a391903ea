"""Losses that make two domains' embeddings alike. Each takes rows of two domains."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Loss = Callable[[Tensor, Tensor], Tensor]


def mmd(source: Tensor, target: Tensor) -> Tensor:
    """Squared maximum mean discrepancy with a mixture of Gaussian kernels (Gretton et al. 2012).

    Bandwidths are 1/4 to 4 times the mean squared distance of the joint sample, which is taken as
    given (no gradient), so that shrinking every embedding does not help.

    Args:
        source: `[n, width]`.
        target: `[m, width]`.
    """
    both = torch.cat([source, target])
    distance = torch.cdist(both, both).square()
    bandwidth = distance.detach().mean().clamp(min=1e-12)
    kernel = torch.stack(
        [torch.exp(-distance / (bandwidth * s)) for s in (0.25, 0.5, 1, 2, 4)]
    ).mean(0)
    n = len(source)
    return kernel[:n, :n].mean() + kernel[n:, n:].mean() - 2 * kernel[:n, n:].mean()


def coral(source: Tensor, target: Tensor) -> Tensor:
    """Squared distance of means and of covariances (Sun & Saenko 2016, Deep CORAL, eq. 1).

    Divided by the joint variance, so that it does not depend on scale. The variance has a gradient
    too: without it, half of every step would shrink all embeddings.
    """
    scale = torch.cat([source, target]).var(dim=0).mean().clamp(min=1e-12)
    means = (source.mean(dim=0) - target.mean(dim=0)).square().mean() / scale
    covariances = (torch.cov(source.T) - torch.cov(target.T)).square().sum()
    return means + covariances / (4 * source.shape[1] * scale.square())


def sinkhorn(source: Tensor, target: Tensor, blur: float = 0.05, iterations: int = 30) -> Tensor:
    r"""Debiased entropic optimal transport (Cuturi 2013; Feydy et al. 2019, eq. 3).

    $$S_\varepsilon(s, t) = \mathrm{OT}_\varepsilon(s, t)
    - \tfrac12 \mathrm{OT}_\varepsilon(s, s) - \tfrac12 \mathrm{OT}_\varepsilon(t, t)$$

    0 for equal samples and positive otherwise, once the iterations have converged. The cost is the
    squared distance over its mean between all rows of both, so that the loss does not depend on
    scale; the mean has a gradient, as in `coral`.

    Args:
        source: `[n, width]`.
        target: `[m, width]`.
        blur: $\varepsilon$, as a share of the mean squared distance.
        iterations: of Sinkhorn's algorithm.
    """
    both = torch.cat([source, target])
    cost = torch.cdist(both, both, compute_mode="donot_use_mm_for_euclid_dist").square()
    cost = cost / cost.mean().clamp(min=1e-12)
    n = len(source)
    across = _transport(cost[:n, n:], blur, iterations)
    return (
        across
        - _transport(cost[:n, :n], blur, iterations) / 2
        - _transport(cost[n:, n:], blur, iterations) / 2
    )


def _transport(cost: Tensor, blur: float, iterations: int) -> Tensor:
    """Return the entropic cost of moving uniform weights, from dual potentials in log-domain.

    Potentials are found without a graph, each step averaged with the last (Feydy et al. 2019). One
    more step with a graph has the gradient of the converged solution: that of potentials is 0.
    """

    def soft_minimum(potential: Tensor, costs: Tensor) -> Tensor:
        """Return the soft minimum over the columns of `costs`, `[num_rows]`."""
        weighed = (potential - costs) / blur - math.log(costs.shape[1])
        return -blur * torch.logsumexp(weighed, dim=1)

    with torch.no_grad():
        f, g = cost.new_zeros(cost.shape[0]), cost.new_zeros(cost.shape[1])
        for _ in range(iterations):
            f, g = (f + soft_minimum(g, cost)) / 2, (g + soft_minimum(f, cost.T)) / 2
    return soft_minimum(g, cost).mean() + g.mean()


def contrastive(source: Tensor, target: Tensor, temperature: float = 0.2) -> Tensor:
    """Symmetric InfoNCE over rows that belong together (van den Oord et al. 2018).

    Row i of both is the same user, seen from either domain.
    """
    logits = F.normalize(source, dim=1) @ F.normalize(target, dim=1).T / temperature
    labels = torch.arange(len(source), device=source.device)
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2


class _ReverseGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return -grads[0]


class Adversarial(nn.Module):
    """A discriminator behind gradient reversal (Ganin et al. 2016, DANN).

    Args:
        width: of the embeddings.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.discriminate = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Return the discriminator's loss; embeddings receive its negated gradient."""
        both = torch.cat([source, target])
        both = both / both.detach().square().mean().sqrt().clamp(min=1e-6)
        reversed_: Tensor = _ReverseGradient.apply(both)  # type: ignore[no-untyped-call]
        logits = self.discriminate(reversed_).squeeze(1)
        labels = torch.cat([torch.zeros(len(source)), torch.ones(len(target))]).to(logits)
        return F.binary_cross_entropy_with_logits(logits, labels)


PAIRED = ("contrastive",)  # needs the same users in the same rows


def alignment_loss(kind: str, width: int) -> Loss | None:
    """Return the loss called `kind`, None for "none"."""
    if kind == "adversarial":
        return Adversarial(width)
    losses = {"mmd": mmd, "coral": coral, "sinkhorn": sinkhorn, "contrastive": contrastive}
    return None if kind == "none" else losses[kind]


def schedule(kind: str, progress: float) -> float:
    r"""Return what the weight of the loss is multiplied by.

    `ramp` is $2 / (1 + e^{-10 p}) - 1$ (Ganin et al. 2016, section 5.2.2): embeddings are made
    alike once they say something. `decay` is the same backwards, `constant` is 1.

    Args:
        kind: "constant", "ramp" or "decay".
        progress: $p$, from 0 at the first step of training to 1 at the end.
    """
    if kind == "constant":
        return 1.0
    p = progress if kind == "ramp" else 1 - progress
    return 2 / (1 + math.exp(-10 * p)) - 1
