"""One step of training: losses, gradients, the optimiser."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from kg.errors import InputError
from training.config import TrainingConfig
from training.distributed.workers import ALONE, Workers
from training.objective import Objective
from training.simulation import Draw

GRADIENT = "gradient"  # its norm, beside the losses of a step


def make_optimizer(objective: Objective, config: TrainingConfig) -> torch.optim.Adam:
    """Return Adam with two rates: what starts from data moves slowly, what weighs it fast."""
    from_data = {id(p) for p in objective.model.from_data()} if config.spectral_start else set()
    fast = [p for p in objective.parameters() if id(p) not in from_data]
    slow = [p for p in objective.parameters() if id(p) in from_data]
    rates = ((fast, config.learning_rate), (slow, config.vector_learning_rate))
    groups = [{"params": some, "lr": rate, "peak": rate} for some, rate in rates if some]
    # fused: one pass over weights, gradients and moments, not ten that each write an array
    return torch.optim.Adam(groups, weight_decay=config.weight_decay, fused=True)


def train_step(
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    world: Draw,
    batch: int,
    draws: torch.Generator,
    workers: Workers = ALONE,
) -> dict[str, Tensor]:
    """Take one optimiser step and return the losses, and the norm of the gradient.

    They stay on their device, so that nothing waits for it; `check_finite` says when one is none.
    Of several workers each draws a batch; losses and gradients are means over all of them.
    """
    optimizer.zero_grad(set_to_none=True)
    losses = objective(world, batch, draws)
    losses["loss"].backward()
    workers.average_gradients(objective.parameters())
    norm = nn.utils.clip_grad_norm_(objective.parameters(), 1.0)
    optimizer.step()
    means = workers.average(torch.stack([value.detach().float() for value in losses.values()]))
    return {**dict(zip(losses, means, strict=True)), GRADIENT: norm.detach()}


def rate_at(step: int, total: int, warmup: int = 20) -> float:
    """Return the share of the peak rate: linear warm-up, then a cosine down to a twentieth."""
    return min(1.0, (step + 1) / warmup) * (0.05 + 0.475 * (1 + math.cos(math.pi * step / total)))


def read_losses(steps: list[dict[str, Tensor]]) -> list[dict[str, float]]:
    """Return the losses of some steps as numbers; waits once for the device."""
    if not steps:
        return []
    rows = torch.stack([torch.stack([v.double() for v in step.values()]) for step in steps])
    return [dict(zip(steps[0], row, strict=True)) for row in rows.tolist()]


def check_finite(losses: Mapping[str, float], where: str, kept: str) -> None:
    """Refuse losses, or a gradient, that are no numbers.

    Args:
        losses: of a step.
        where: which step it was.
        kept: what is left of the training.

    Raises:
        InputError: naming what is not finite.
    """
    bad = [name for name, value in losses.items() if not math.isfinite(value)]
    if not bad:
        return
    parts = [name for name in bad if name not in ("loss", GRADIENT)] or bad[:1]
    what = "the loss" if "loss" in bad else "the gradient"
    named = ", ".join(f"{name} is {losses[name]}" for name in parts)
    raise InputError(
        f"{what} is not finite in {where} ({named}); {kept}: lower training.learning_rate, or look "
        "for extreme edge weights or features, and start over with --fresh or another --out"
    )
