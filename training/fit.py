"""Graph, split and features to a trained network: the loop."""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gnn.model import Embeddings, TransferGNN
from kg.errors import InputError
from kg.files import write_json_lines
from kg.progress import progress
from training.bundle import Bundle
from training.checkpoint import copy_weights, load_checkpoint, save_checkpoint
from training.config import JobConfig, TrainingConfig
from training.evaluation.split import Split
from training.evaluation.valid import MONITOR, VALID_USERS, fewer_users, valid_score
from training.objective import Objective
from training.seed import generator
from training.simulation import Draw

MIN_STEPS = 20  # an epoch of a small data set


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What training found.

    Attributes:
        start: embeddings before the first step.
        final: embeddings of the best epoch.
        weights: parameters of the best epoch.
        history: one record an epoch, as in `metrics.jsonl`.
        best_epoch: 0 if nothing was better than the start.
    """

    start: Embeddings
    final: Embeddings
    weights: Mapping[str, Tensor]
    history: list[dict[str, Any]]
    best_epoch: int


def fit(
    job: JobConfig,
    split: Split,
    objective: Objective,
    *,
    checkpoints: Path,
    metrics: Path,
    fingerprint: str,
) -> Fitted:
    """Train until `valid` stops improving, and return the best epoch.

    Resumes from `checkpoints` if they are of the same job and data; on CPU the result is then
    bit-identical to that of an uninterrupted run.

    Raises:
        InputError: the loss is not finite.
        FingerprintError: the checkpoint belongs to another job or graph.
    """
    config = job.training
    draws = generator(job.seed, "training", objective.device.type)
    optimizer = make_optimizer(objective, config)
    batch = min(config.batch_size, -(-objective.num_interactions // MIN_STEPS))
    steps = -(-objective.num_interactions // batch)
    split = fewer_users(split, VALID_USERS, job.seed)
    start = objective.embed()
    first = _score(job, split, objective)
    state: dict[str, Any] = {"epoch": 0, "best_epoch": 0, "best": first}
    best = copy_weights(objective.model)
    history: list[dict[str, Any]] = [{"epoch": 0, "valid": {MONITOR: first}}]
    if checkpoints.is_dir():
        best, state = load_checkpoint(
            checkpoints,
            modules=objective,
            optimizer=optimizer,
            generator=draws,
            fingerprint=fingerprint,
        )
        history = _read(metrics)[: state["epoch"] + 1]
    write_json_lines(metrics, history)
    total = config.epochs * steps
    with progress("training", (config.epochs - state["epoch"]) * steps) as bar:
        while (
            state["epoch"] < config.epochs
            and state["epoch"] - state["best_epoch"] < config.patience
        ):
            began = time.monotonic()
            sums: dict[str, float] = {}
            for step in range(steps):
                if step % config.simulation_steps == 0:
                    world = objective.simulate(draws)
                done = state["epoch"] * steps + step
                for group in optimizer.param_groups:
                    group["lr"] = group["peak"] * _schedule(done, total)
                objective.progress = done / total
                losses = train_step(objective, optimizer, world, batch, draws)
                sums = {name: sums.get(name, 0.0) + value for name, value in losses.items()}
                bar.advance(note=f"loss {losses['loss']:.3f}, valid {MONITOR} {state['best']:.4f}")
            state["epoch"] += 1
            score = _score(job, split, objective)
            if score > state["best"]:
                best = copy_weights(objective.model)
                state["best"], state["best_epoch"] = score, state["epoch"]
            seconds = round(time.monotonic() - began, 2)
            means = {name: value / steps for name, value in sums.items()}
            history.append(
                {"epoch": state["epoch"], **means, "valid": {MONITOR: score}, "seconds": seconds}
            )
            write_json_lines(metrics, history)
            if state["epoch"] % config.checkpoint_every == 0:
                save_checkpoint(
                    checkpoints,
                    modules=objective,
                    optimizer=optimizer,
                    generator=draws,
                    best=best,
                    progress=state,
                    fingerprint=fingerprint,
                )
    objective.model.load_state_dict(best)
    final = objective.embed()
    return Fitted(
        start=start, final=final, weights=best, history=history, best_epoch=state["best_epoch"]
    )


def make_optimizer(objective: Objective, config: TrainingConfig) -> torch.optim.Adam:
    """Return Adam with two rates: what starts from data moves slowly, what weighs it fast."""
    from_data = {id(p) for p in objective.model.from_data()} if config.spectral_start else set()
    fast = [p for p in objective.parameters() if id(p) not in from_data]
    slow = [p for p in objective.parameters() if id(p) in from_data]
    rates = ((fast, config.learning_rate), (slow, config.vector_learning_rate))
    groups = [{"params": some, "lr": rate, "peak": rate} for some, rate in rates if some]
    return torch.optim.Adam(groups, weight_decay=config.weight_decay)


def train_step(
    objective: Objective,
    optimizer: torch.optim.Optimizer,
    world: Draw,
    batch: int,
    draws: torch.Generator,
) -> dict[str, float]:
    """Take one optimiser step and return the losses.

    Raises:
        InputError: the loss is not finite.
    """
    optimizer.zero_grad(set_to_none=True)
    losses = objective(world, batch, draws)
    losses["loss"].backward()
    nn.utils.clip_grad_norm_(objective.parameters(), 1.0)
    optimizer.step()
    values = {name: float(value.detach()) for name, value in losses.items()}
    if not np.isfinite(values["loss"]):
        raise InputError(
            "the loss is not finite: lower training.learning_rate, or look for extreme edge weights"
        )
    return values


def _schedule(step: int, total: int, warmup: int = 20) -> float:
    """Linear warm-up, then a cosine down to a twentieth."""
    return min(1.0, (step + 1) / warmup) * (0.05 + 0.475 * (1 + math.cos(math.pi * step / total)))


def _score(job: JobConfig, split: Split, objective: Objective) -> float:
    scorer = to_bundle(objective.embed(), objective.model).scorer(split.train)
    return valid_score(scorer, split, block_bytes=job.evaluation.block_bytes)


def to_bundle(
    embeddings: Embeddings, model: TransferGNN, about: Mapping[str, Any] | None = None
) -> Bundle:
    """Return embeddings as queries need them: user rows carry the decoder's relation."""
    z = {node_type: rows.float().cpu().numpy() for node_type, rows in embeddings.z.items()}
    users = model.decoder.queries(embeddings.z[model.user_type]).detach()
    relations = [list(edge_type) for edge_type in model.knowledge]  # rows of their decoder
    return Bundle(
        z={**z, model.user_type: users.float().cpu().numpy()},
        item_bias=embeddings.item_bias.float().cpu().numpy(),
        weights={name: value.cpu().numpy() for name, value in model.state_dict().items()},
        about={**(about or {}), "relations": relations},
    )


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
