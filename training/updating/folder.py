"""What of a run folder still holds when its graph and models are others."""

import os
import shutil
from pathlib import Path

from training.evaluation.judged import FILE as JUDGED
from training.run_folder import RunFolder, TaskFolder
from training.updating.origin import NAME

REPORT = "drift.json"
FORGOTTEN = ("answers", "answers.parts", "index", "checkpoints")  # made of the model before


def number_of(run: RunFolder) -> int:
    """Return the number of the next update of a run, from 1."""
    return 1 + sum(path.is_dir() and path.name.isdigit() for path in run.updates.glob("*"))


def folder_of(run: RunFolder, number: int) -> Path:
    """Return the folder of an update."""
    return run.updates / f"{number:03d}"


def carry_over(old: RunFolder, new: RunFolder, number: int, *, share: bool) -> tuple[str, ...]:
    """Put what still holds into the folder of an updated run, and return what does not.

    Results of the model before move to the folder of the update; answers and indexes that were
    made of it are left behind, and so is the report.

    Args:
        old: the run as it was.
        new: the run as it will be, with what was made anew.
        number: of the update.
        share: whether files may be the same on disk, since one of the two folders goes.
    """
    protocols = old.protocols()
    made = {new.graph.name, new.features.name, new.updates.name, new.report.name, *protocols}
    for path in sorted(old.path.iterdir()):
        if path.name not in made:
            _put(path, new.path / path.name, share)
    for path in sorted(old.updates.glob("*")):
        if path.name != NAME:
            _put(path, new.updates / path.name, share)
    dropped = [new.report.name] if old.report.is_file() else []
    for name in protocols:
        aside = folder_of(new, number) / name
        dropped += [
            f"{name}/{gone}" for gone in _task(old.task(name), new.task(name), aside, share)
        ]
    return tuple(dropped)


def _task(old: TaskFolder, new: TaskFolder, aside: Path, share: bool) -> list[str]:
    """Put what still holds of a protocol into its folder; return the names of what does not."""
    dropped = []
    for path in sorted(old.path.iterdir()):
        judged = path.name in (new.results.name, JUDGED)
        if judged or path.name in FORGOTTEN:
            dropped.append(path.name)
        if judged:
            _put(path, aside / path.name, share)
        elif path.name not in (*FORGOTTEN, new.model.name, new.split.name):
            _put(path, new.path / path.name, share)
    return dropped


def _put(path: Path, to: Path, share: bool) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    copy = _link if share else shutil.copy2
    if path.is_dir():
        shutil.copytree(path, to, copy_function=copy)
    else:
        copy(path, to)


def _link(path: str | Path, to: str | Path) -> None:
    try:
        os.link(path, to)
    except OSError:  # a disk without links
        shutil.copy2(path, to)
