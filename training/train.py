"""Both stages of a model, learned one after the other."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from encoders.channels.features import Features
from encoders.channels.fitted import Channels
from kg.files import read_json, write_json
from kg.progress import say
from training.bundle import Bundle
from training.config import JobConfig
from training.distributed.workers import ALONE, Workers
from training.evaluation.projection import project
from training.evaluation.split import Split
from training.fit import Fitted, fit, take_part, to_bundle
from training.objective import Objective
from training.prepare import choose_device, prepare
from training.ranking.stage import SecondStage
from training.ranking.worlds import learn_second_stage
from training.regimes.choose import FILE as REGIME
from training.regimes.choose import Choice
from training.repeats import without_repeats


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """What was learned; `second_stage` is None where there is one stage."""

    objective: Objective
    fitted: Fitted
    second_stage: SecondStage | None

    def bundle(self, about: Mapping[str, Any] | None = None) -> Bundle:
        """Return what queries need, with anything else that should be known `about` it."""
        bundle = to_bundle(self.fitted.final, self.objective.model, about)
        return replace(bundle, channels=self.objective.channels, second_stage=self.second_stage)


def train(
    job: JobConfig,
    split: Split,
    features: Features,
    histories: Callable[[Split], Channels],
    *,
    checkpoints: Path,
    metrics: Path,
    fingerprint: str,
    workers: Workers = ALONE,
) -> Trained:
    """Train the network, then weigh the signals of the second stage.

    Of several workers this is for the first; the others `assist`.

    Args:
        job: settings.
        split: what may be learned from.
        features: vectors of the nodes.
        histories: makes further channels of a split's `train`.
        checkpoints: folder; training goes on from what it holds, by the regime it began with.
        metrics: JSON lines, one record an epoch.
        fingerprint: of the job and its data.
        workers: who train with this process.

    Raises:
        ConfigError: the device or a channel is not there.
        InputError: nothing to train on, or the loss is not finite.
        FingerprintError: the checkpoint belongs to another job or graph.
    """
    split, objective = _prepared(job, split, features, histories, checkpoints, workers)
    write_json(checkpoints.with_name(REGIME), asdict(objective.choice))
    say(objective.choice.line)
    if workers.size > 1:
        say(_gain(objective.choice.regime, workers.size))
    fitted = fit(
        job,
        split,
        objective,
        checkpoints=checkpoints,
        metrics=metrics,
        fingerprint=fingerprint,
        workers=workers,
    )
    stage = None
    if objective.choice.second_stage:
        stage = learn_second_stage(job, split, features, objective, fitted.final, histories)
    return Trained(objective=objective, fitted=fitted, second_stage=stage)


def assist(
    job: JobConfig,
    split: Split,
    features: Features,
    histories: Callable[[Split], Channels],
    *,
    checkpoints: Path,
    metrics: Path,
    fingerprint: str,
    workers: Workers,
) -> None:
    """Take part in the training of the network that `train` does on the first worker."""
    split, objective = _prepared(job, split, features, histories, checkpoints, workers)
    take_part(
        job,
        objective,
        checkpoints=checkpoints,
        metrics=metrics,
        fingerprint=fingerprint,
        workers=workers,
    )


def _prepared(
    job: JobConfig,
    split: Split,
    features: Features,
    histories: Callable[[Split], Channels],
    checkpoints: Path,
    workers: Workers,
) -> tuple[Split, Objective]:
    split = replace(split, train=without_repeats(split.train))
    record, known = checkpoints.with_name(REGIME), None
    if workers.first_says(checkpoints.is_dir() and record.is_file()):
        known = Choice(**read_json(record))  # what goes on goes on as it began
    objective = prepare(
        job,
        split,
        features,
        choose_device(job.training.device),
        further=workers.in_turn(lambda: histories(split)),
        choice=known,
        scratch=checkpoints.parent,
        workers=workers,
    )
    return split, objective


def _gain(regime: str, workers: int) -> str:
    """Return what several workers bring."""
    if regime == "full":
        return (
            f"{workers} workers: each of them propagates over the whole graph in every step, and "
            "only the rest is divided; decoupled training gains more"
        )
    return f"{workers} workers, each with its share of every batch"


def projection(fitted: Fitted, split: Split, rng: np.random.Generator) -> object:
    """Return every domain's view of its users in 2-D, before and after training, for JSON."""
    views, prefix = [], f"{split.train.interactions[1]}:"
    for embeddings in (fitted.start, fitted.final):
        by_domain = {}
        for (_, relation, _), rows in embeddings.domain_views.items():
            by_domain[relation.removeprefix(prefix)] = rows.float().cpu().numpy()
        views.append({d: rows for d, rows in by_domain.items() if rows.any(axis=1).sum() > 1})
    return project(views[0], views[1], rng)
