"""Split and features to worlds, and what is learned in them."""

from collections.abc import Callable, Mapping

import numpy as np

from encoders.channels.attributes import TEXT
from encoders.channels.features import Features
from encoders.neighbours.edges import Neighbours
from gnn.data import NEAR
from gnn.model import Embeddings
from kg.progress import progress
from training.baselines.base import FloatArray
from training.config import JobConfig
from training.evaluation.split import Split
from training.fit import to_bundle
from training.objective import Objective
from training.prepare import prepare
from training.ranking.learning import learn_ranker
from training.ranking.signals import Signals
from training.ranking.stage import SecondStage
from training.ranking.world import World

Histories = Mapping[str, Mapping[str, FloatArray]]


def world_of(
    split: Split, features: Features, objective: Objective, embeddings: Embeddings
) -> World:
    """Return the world of an objective's split.

    Args:
        split: what the objective was made of.
        features: vectors of the nodes.
        objective: from `training.prepare.prepare`.
        embeddings: of its network, before or after training.
    """
    train = split.train
    nothing: FloatArray = np.zeros((len(train.items), 1), dtype=np.float32)
    text = features.vectors.get(train.item_type, nothing)
    channel = objective.x.get(train.item_type, {}).get(TEXT)
    near = objective.neighbours.get(NEAR)
    if near is None:
        near = Neighbours(rows=np.full((len(text), 1), -1), similarity=nothing)
    return World(
        split=split,
        text=text,
        channel=text if channel is None else _unit(channel.float().cpu().numpy()),
        near=near.rows,
        similarity=near.similarity,
        network=to_bundle(embeddings, objective.model).scorer(train),
    )


def learn_second_stage(
    job: JobConfig,
    split: Split,
    features: Features,
    objective: Objective,
    embeddings: Embeddings,
    histories: Callable[[Split], Histories],
) -> SecondStage | None:
    """Weigh the signals of the second stage on rehearsed cold starts.

    Args:
        job: settings.
        split: what may be learned from.
        features: vectors of the nodes.
        objective: of `split`, trained.
        embeddings: of its best epoch.
        histories: encodes what users did in a split (`training.encoding.encode_histories`).

    Returns:
        None where `ranking.folds` is 0.
    """
    if not job.ranking.folds:
        return None
    world = world_of(split, features, objective, embeddings)

    def fold_world(fold: Split) -> World:
        # hidden items can lend nothing, so that neighbours are searched again without them
        known = None if fold.protocol == "item-cold" else objective.neighbours
        inside = prepare(
            job,
            fold,
            features,
            objective.device,
            further=histories(fold),
            neighbours=known,
            choice=objective.choice,
            scratch=objective.scratch,
        )
        # The network as it starts: to train one in every fold takes as long again each time and
        # moved the result by a percent (docs/model.md).
        return world_of(fold, features, inside, inside.embed())

    ranker = learn_ranker(split, fold_world, world, job.ranking, job.seed)
    with progress("making signals", None):
        kept = Signals(world, job.seed).kept
    return SecondStage(
        ranker=ranker,
        seed=job.seed,
        text=world.text,
        channel=world.channel,
        near=world.near,
        similarity=world.similarity,
        kept=kept,
    )


def _unit(rows: FloatArray) -> FloatArray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: FloatArray = rows / np.maximum(length, 1e-9)
    return unit
