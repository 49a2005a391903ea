"""One protocol of a run: its split and model, moved to the larger graph and written."""

import time
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import torch

from encoders.channels.features import Features
from kg.graph import BoolArray, KnowledgeGraph
from kg.settings import build
from training.bundle import Bundle, load_bundle, save_bundle
from training.config import JobConfig
from training.encoding import encode_histories
from training.evaluation.split import Split
from training.evaluation.split_files import load_split, save_split
from training.run_folder import RunFolder, TaskFolder
from training.updating.drift import movement
from training.updating.growth import Growth
from training.updating.judging import Ranks, compared, questions, ranks_of, without_new_targets
from training.updating.moving import Mover
from training.updating.origin import Origin
from training.updating.replay import fine_tune
from training.updating.splits import grow_split


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """One model of a run, with what it was made of.

    Attributes:
        run: the folder.
        job: its settings.
        bundle: the model.
        split: what it was made with.
    """

    run: RunFolder
    job: JobConfig
    bundle: Bundle
    split: Split

    @classmethod
    def open(cls, run: RunFolder, protocol: str, graph: KnowledgeGraph) -> Self:
        """Open the model of a protocol.

        Raises:
            ArtefactError: model or split are missing or damaged.
            FingerprintError: they were made with another graph.
        """
        task = run.task(protocol)
        bundle = load_bundle(task.model, graph)
        job: JobConfig = build(JobConfig, bundle.about["job"])
        return cls(run=run, job=job, bundle=bundle, split=load_split(task.split, graph))

    def valid(self) -> Ranks:
        """Return where the model puts the interactions of its valid part."""
        return ranks_of(
            self.bundle.ranking_scorer(self.split),
            self.split,
            self.split.valid,
            seed=self.job.seed,
            block_bytes=self.job.evaluation.block_bytes,
        )


def update_model(
    known: Known,
    task: TaskFolder,
    growth: Growth,
    features: Features,
    origin: Origin,
    *,
    number: int,
    judge: bool,
    steps: int,
) -> dict[str, Any]:
    """Write the split and the model of the larger graph, and return what is to be said of them.

    Args:
        known: the model of the graph before.
        task: where to.
        growth: the two graphs.
        features: of the larger one.
        origin: what training saw.
        number: of the update.
        judge: whether to ask the model for new interactions before they enter.
        steps: of fine-tuning.

    Returns:
        For JSON: `withheld` (new interactions of nodes that are kept cold), `judged`, `fine_tuned`
        where there were steps, `moved` and `seconds`.
    """
    began = time.monotonic()
    split = grow_split(known.split, growth)
    mover = Mover(
        job=known.job,
        bundle=known.bundle,
        split=known.split,
        growth=growth,
        features=features,
        learned=origin.known(growth.after),
        histories=partial(encode_histories, known.job, run=known.run),
    )
    new = growth.are_new(growth.after.interactions, split.train.interaction_edges)
    about: dict[str, Any] = {"withheld": int(growth.new_interactions.sum() - new.sum())}
    about["judged"] = _judged(known, mover, split, new, origin) if judge else None
    objective = mover.network(split)
    if steps:
        is_new = torch.from_numpy(new)
        about["fine_tuned"] = fine_tune(objective, split, known.job, is_new, steps)
    bundle = mover.model(objective, split, {"updates": number})
    bundle = mover.with_probabilities(bundle, split)
    about["moved"] = movement(growth, known.bundle.z, bundle.z)
    save_split(split, task.split)
    save_bundle(bundle, task.model, growth.after)
    return {**about, "seconds": round(time.monotonic() - began, 1)}


def _judged(
    known: Known, mover: Mover, split: Split, new: BoolArray, origin: Origin
) -> dict[str, Any] | None:
    """Return how the model ranks new interactions of the target before they enter.

    What else is new enters first. None where there is nothing that it was trained for.
    """
    earlier, pairs = without_new_targets(split, new)
    asked = questions(earlier, pairs)
    if not len(asked):
        return None
    bundle, seen = known.bundle, known.split
    if earlier.train.fingerprint != seen.train.fingerprint:
        seen, bundle = earlier, mover.model(mover.network(earlier), earlier, {})
    ranks = ranks_of(
        bundle.ranking_scorer(seen),
        earlier,
        asked,
        seed=known.job.seed,
        block_bytes=known.job.evaluation.block_bytes,
    )
    found = compared(ranks, origin.valid[split.protocol], known.job.seed)
    return {**found, "of": pairs.shape[1]}
