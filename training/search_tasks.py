"""What a search measures on: a job's protocol, with everything that trials share, valid only."""

import dataclasses
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from encoders.channels.features import Features
from encoders.channels.fitted import Channels
from kg.errors import ConfigError, InputError
from kg.files import read_json, write_json
from training.baselines.base import Scorer, Task
from training.baselines.floors import floors_for
from training.config import JobConfig
from training.encoding import encode_histories
from training.evaluation.split import HeldOut, Split
from training.evaluation.valid import MONITOR, valid_score
from training.jobs import encode_step, import_step, split_step
from training.run_folder import RunFolder
from training.search_space import Settings, with_settings
from training.train import train
from training.tuning_guard import check_tuned


@dataclass(frozen=True, kw_only=True, eq=False)
class SearchTask:
    """One protocol of one job.

    Attributes:
        name: of the job and the protocol, `job/protocol`.
        job: its settings, before a trial changes some.
        split: what may be learned from and `valid`; its test part is empty.
        features: vectors of the nodes.
        histories: channels made of the training part.
        floors: name -> NDCG@10 on valid.
    """

    name: str
    job: JobConfig
    split: Split
    features: Features
    histories: Callable[[Split], Channels]
    floors: dict[str, float]

    @property
    def best_floor(self) -> str:
        """Name of the floor that is to be beaten."""
        return max(self.floors, key=self.floors.__getitem__)

    def measure(self, settings: Settings) -> float:
        """Train with some settings and return NDCG@10 on valid.

        Raises:
            InputError: training fails with these settings.
        """
        job = with_settings(self.job, settings)
        scorer = train_scorer(job, self.split, self.features, self.histories)
        return valid_score(scorer, self.split, block_bytes=job.evaluation.block_bytes)


def open_tasks(
    jobs: Sequence[JobConfig], out: Path, say: Callable[[str], None]
) -> list[SearchTask]:
    """Import, encode and split every job in `out`, unless that is done, and measure its floors.

    Raises:
        ConfigError: two jobs have one name.
        InputError: no floor finds anything on valid, so that nothing can be compared with it.
    """
    names = [job.name for job in jobs]
    if len(set(names)) < len(names):
        raise ConfigError(f"the jobs of a study need different names, got {', '.join(names)}")
    tasks = []
    for job in jobs:
        run = RunFolder(out / job.name)
        graph = import_step(job, run)
        features = encode_step(job, run)
        vectors = features.vectors.get(graph.item_type, np.zeros((len(graph.items), 1), np.float32))
        for protocol in job.task.protocols:
            split = split_step(job, run, protocol)
            check_tuned(job.encoder.model, split)
            split = without_test(split)
            name, path = f"{job.name}/{protocol}", run.task(protocol).path / "floors-valid.json"
            if not path.is_file():
                say(f"{name}: floors")
                floors = floors_for(Task(split=split, item_features=vectors), job.seed)
                memory = job.evaluation.block_bytes
                scores = {f.name: valid_score(f, split, block_bytes=memory) for f in floors}
                write_json(path, scores)
            task = SearchTask(
                name=name,
                job=job,
                split=split,
                features=features,
                histories=partial(encode_histories, job, run=run),
                floors=read_json(path),
            )
            best = task.floors[task.best_floor]
            if best <= 0:
                raise InputError(f"{name}: every floor has {MONITOR} 0 on valid; hold out more")
            say(f"{name}: the best floor is {task.best_floor}, {MONITOR} {best:.4f} on valid")
            tasks.append(task)
    return tasks


def without_test(split: Split) -> Split:
    """Return the split with nothing in its test part, so that no trial can look at it."""
    none = np.zeros(0, dtype=np.int64)
    return dataclasses.replace(split, test=HeldOut(users=none, items=none, candidates=none))


def train_scorer(
    job: JobConfig, split: Split, features: Features, histories: Callable[[Split], Channels]
) -> Scorer:
    """Train a job's model on a split and return what ranks with it; keeps nothing on disk.

    Args:
        job: settings.
        split: what may be learned from.
        features: vectors of the nodes.
        histories: makes further channels of a split's `train`.

    Raises:
        InputError: the loss is not finite.
    """
    never = job.training.epochs + 1
    training = dataclasses.replace(job.training, checkpoint_every=never, checkpoint_minutes=0.0)
    with tempfile.TemporaryDirectory() as folder:
        trained = train(
            dataclasses.replace(job, training=training),
            split,
            features,
            histories,
            checkpoints=Path(folder) / "checkpoints",
            metrics=Path(folder) / "metrics.jsonl",
            fingerprint="",
        )
    return trained.bundle().ranking_scorer(split)
