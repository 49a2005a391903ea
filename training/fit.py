"""Graph, split and features to a trained network."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from gnn.model import Embeddings, TransferGNN
from kg.interruption import stop_requests
from training.bundle import Bundle
from training.config import JobConfig
from training.distributed.workers import ALONE, Workers
from training.evaluation.split import Split
from training.evaluation.valid import VALID_USERS, fewer_users, valid_score
from training.loop import NOBODY, Loop
from training.objective import Objective
from training.watching.watch import watching


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
    workers: Workers = ALONE,
) -> Fitted:
    """Train until `valid` stops improving, and return the best epoch.

    Resumes from `checkpoints` if they are of the same job and data; on CPU the result is then
    bit-identical to that of an uninterrupted run. Of several workers this is for the first; the
    others `take_part`.

    Raises:
        InputError: a loss or a gradient is not finite.
        FingerprintError: the checkpoint belongs to another job or graph.
        ArtefactError: the disk is full.
        Interrupted: Ctrl-C or SIGTERM came; a checkpoint of the step before it is there.
    """
    start, looked_at = objective.embed(), fewer_users(split, VALID_USERS, job.seed)
    loop = Loop(
        job,
        objective,
        lambda: _score(job, looked_at, objective),
        checkpoints=checkpoints,
        metrics=metrics,
        fingerprint=fingerprint,
        workers=workers,
    )
    title, regime = f"{job.name}, {split.protocol}", objective.regime.name
    with stop_requests() as stop, watching(job.training, title, regime, metrics) as watch:
        at = loop.run(stop, watch)
    objective.model.load_state_dict(loop.best)
    return Fitted(
        start=start,
        final=objective.embed(),
        weights=loop.best,
        history=at.history,
        best_epoch=at.best_epoch,
    )


def take_part(
    job: JobConfig,
    objective: Objective,
    *,
    checkpoints: Path,
    metrics: Path,
    fingerprint: str,
    workers: Workers,
) -> None:
    """Take part in the training that `fit` does on the first worker."""
    loop = Loop(
        job,
        objective,
        lambda: math.nan,  # the first one judges
        checkpoints=checkpoints,
        metrics=metrics,
        fingerprint=fingerprint,
        workers=workers,
    )
    with stop_requests() as stop:
        loop.run(stop, NOBODY)


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
