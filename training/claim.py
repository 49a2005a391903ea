"""What ties a run folder, and the checkpoints in it, to one job."""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from encoders.channels.features import Features
from kg.errors import ArtefactError, ConfigError
from kg.files import locked, read_json, write_json
from training.config import JobConfig
from training.evaluation.split import Split
from training.run_folder import RunFolder

# how a run is kept and watched, and not what comes of it
_BESIDE = ("checkpoint_every", "checkpoint_minutes", "tensorboard")


@contextmanager
def hold(run: RunFolder) -> Iterator[None]:
    """Keep other processes from working on a run until the block, or the process, ends.

    Raises:
        ArtefactError: one does.
    """
    run.path.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(run.path))
        except ArtefactError:
            time.sleep(0.2)  # who only asks whether it is held has it for a moment
            stack.enter_context(locked(run.path))
        yield


def is_held(run: RunFolder) -> bool:
    """Return whether a process works on a run."""
    try:
        with locked(run.path):
            return False
    except ArtefactError:
        return True


def claim(job: JobConfig, run: RunFolder) -> None:
    """Note the job in the run folder.

    Raises:
        ConfigError: the folder was made with another job; names the first key that differs.
    """
    if not run.config.is_file():
        write_json(run.config, job.to_dict())
        return
    old, new = read_json(run.config), job.to_dict()
    for each in (old, new):
        each.pop("tuning", None)  # of the encoder, before a run
        each["training"] = _deciding(each["training"])
    if old != new:
        key, before, after = next(_differences(old, new))
        raise ConfigError(
            f"{run.path} was made with {key} = {before!r}, now it is {after!r}: "
            "use --fresh to start over, or another --out"
        )


def training_fingerprint(job: JobConfig, split: Split, features: Features) -> str:
    """Hash what decides a training run, so that a checkpoint of another is refused."""
    tables = ("seed", "task", "texts", "encoder", "channels", "neighbours", "model", "training")
    decides = {key: job.to_dict()[key] for key in tables}
    decides["training"] = _deciding(decides["training"])
    text = json.dumps(decides, sort_keys=True) + split.train.fingerprint + features.fingerprint
    return hashlib.sha256(text.encode()).hexdigest()


def _deciding(training: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in training.items() if key not in _BESIDE}


def _differences(old: object, new: object, key: str = "") -> Iterator[tuple[str, object, object]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in {**old, **new}:
            path = f"{key}.{name}" if key else name
            yield from _differences(old.get(name), new.get(name), path)
    elif old != new:
        yield key, old, new
