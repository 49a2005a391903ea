"""The loop that tunes an encoder: as `fit` for the network, a step at a time."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from encoders.tuning.config import TuningConfig
from encoders.tuning.text_model import draw_seed, seeded
from kg.errors import InputError
from kg.files import write_json_lines
from kg.progress import progress
from training.checkpoint import copy_weights, load_checkpoint, save_checkpoint
from training.seed import generator


class Tunable(Protocol):
    """What is tuned, and how it is judged."""

    @property
    def metric(self) -> str:
        """Name of what `valid` returns."""

    def parameters(self) -> list[nn.Parameter]:
        """Return what is trained, in an order that does not change."""

    def loss(self, rng: np.random.Generator) -> Tensor:
        """Return the loss of a batch drawn from `rng`."""

    def valid(self) -> float:
        """Return how good it is on what was kept out; higher is better."""


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """What tuning found.

    Attributes:
        before: valid score of the start.
        after: of the best step.
        best_step: 0 if no step was better than the start.
    """

    before: float
    after: float
    best_step: int


def tune(
    task: Tunable,
    config: TuningConfig,
    *,
    seed: int,
    checkpoints: Path,
    metrics: Path,
    fingerprint: str,
) -> Tuned:
    """Train until the valid score stops improving, and leave the weights of the best step.

    The untrained start is step 0: if nothing is better, it is the result. Goes on from
    `checkpoints`; on a CPU the result is then bit-identical to that of an uninterrupted run.

    Raises:
        InputError: the loss or the score is not finite.
        FingerprintError: the checkpoint belongs to another tuning.
    """
    modules = nn.ParameterList(task.parameters())
    device = next(iter(modules)).device
    optimizer = torch.optim.AdamW(modules, config.learning_rate, weight_decay=config.weight_decay)
    draws = generator(seed, "tuning")
    if checkpoints.is_dir():
        last = load_checkpoint(
            checkpoints, modules=modules, optimizer=optimizer, fingerprint=fingerprint
        )
        best, state = last.best, last.progress
        draws.set_state(last.random["draws"])
    else:
        start = _finite(task.valid(), "valid score")
        best = copy_weights(modules)
        state = {"step": 0, "best_step": 0, "before": start, "best": start, "looks": 0}
        state["history"] = [{"step": 0, "valid": {task.metric: start}}]
    write_json_lines(metrics, state["history"])
    losses: list[float] = []
    with progress("tuning", config.steps - state["step"]) as bar:
        while state["step"] < config.steps and state["looks"] < config.patience:
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * _schedule(state["step"], config)
            losses.append(_step(task.loss, optimizer, draws, device))
            state["step"] += 1
            bar.advance(note=f"loss {losses[-1]:.3f}, valid {task.metric} {state['best']:.4f}")
            if state["step"] % config.valid_every and state["step"] < config.steps:
                continue
            score = _finite(task.valid(), "valid score")
            state["looks"] += 1
            if score > state["best"]:
                best = copy_weights(modules)
                state |= {"best": score, "best_step": state["step"], "looks": 0}
            loss = sum(losses) / len(losses)
            state["history"].append(
                {"step": state["step"], "loss": loss, "valid": {task.metric: score}}
            )
            losses = []
            write_json_lines(metrics, state["history"])
            save_checkpoint(
                checkpoints,
                modules=modules,
                optimizer=optimizer,
                random={"draws": draws.get_state()},
                best=best,
                progress=state,
                fingerprint=fingerprint,
            )
    modules.load_state_dict(best)
    return Tuned(before=state["before"], after=state["best"], best_step=state["best_step"])


def _step(
    loss: Callable[[np.random.Generator], Tensor],
    optimizer: torch.optim.Optimizer,
    draws: torch.Generator,
    device: torch.device,
) -> float:
    rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=draws)))
    optimizer.zero_grad(set_to_none=True)
    with seeded(draw_seed(rng), device):  # dropout knows no generator but the global one
        value = loss(rng)
        torch.autograd.backward(value)
    weights = [weights for group in optimizer.param_groups for weights in group["params"]]
    nn.utils.clip_grad_norm_(weights, 1.0)
    optimizer.step()
    return _finite(float(value.detach()), "loss")


def _schedule(step: int, config: TuningConfig) -> float:
    """Linear warm-up, then a line down to zero."""
    rising = max(1, math.ceil(config.warmup * config.steps))
    if step < rising:
        return (step + 1) / rising
    return (config.steps - step) / max(1, config.steps - rising)


def _finite(value: float, what: str) -> float:
    if not math.isfinite(value):
        raise InputError(f"the {what} is not finite: lower tuning.learning_rate")
    return value
