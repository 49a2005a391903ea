"""One job, asked for several domains."""

import dataclasses

from kg.errors import ConfigError
from training.config import JobConfig


def for_target(job: JobConfig, target: str) -> JobConfig:
    """Return a job with another target.

    The old target takes the place of the new one among the sources, where the job names any.

    Raises:
        ConfigError: the name is no folder name, or the job names what is cold in its own target.
    """
    if not target or target in (".", "..") or "/" in target or "\\" in target:
        raise ConfigError(f"--target {target!r}: each target has a folder of its name")
    old = job.task
    files = [name for name in ("cold_users", "cold_items") if getattr(old, name) is not None]
    if files and target != old.target:
        raise ConfigError(
            f"--target {target!r}: task.{files[0]} says what is cold in {old.target!r}; "
            "leave it out of the job, or give each target a job of its own"
        )
    sources = tuple(old.target if name == target else name for name in old.sources)
    return dataclasses.replace(job, task=dataclasses.replace(old, target=target, sources=sources))
