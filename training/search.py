"""Settings that do best over many tasks: trials proposed by Optuna, judged on valid alone."""

import hashlib
import json
import statistics
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from kg.errors import ConfigError, InputError
from kg.files import read_json, write_json
from training.config import JobConfig
from training.search_optuna import (
    COMPLETE,
    MIN_COMPLETE,
    PRUNED,
    RUNNING,
    Trial,
    distributions,
    import_optuna,
    importances,
    mean_ratio,
    propose,
)
from training.search_space import Space, check_space, setting
from training.search_tasks import SearchTask, open_tasks

OBJECTIVE = "geometric mean over tasks of NDCG@10 / NDCG@10 of the best floor, on valid"

Study = dict[str, Any]  # what study.json holds


def tune(
    jobs: Sequence[JobConfig],
    space: Space,
    out: Path,
    *,
    trials: int,
    timeout: float | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Study:
    """Search until a study has so many trials; an interrupted one goes on where it was.

    The first trial has the settings that the jobs have. What a trial tries depends on its number
    and the trials before it alone, so that a resumed study is the one that was never interrupted.

    Args:
        jobs: what to do well on, every protocol of each.
        space: what to vary; the same values for all jobs.
        out: folder of the study: `study.json`, and a folder for each job.
        trials: how many in all, those of earlier calls and those stopped early included.
        timeout: seconds; no training begins after that.
        say: is told a line for each thing done.

    Returns:
        What `study.json` holds: `space`, `tasks` with their floors, `trials` with their settings,
        scores and seconds, the number of the `best` one, `importances` of the settings.

    Raises:
        ConfigError: Optuna is not installed, the space does not fit the jobs, or `out` has a
            study of other jobs or of another space.
        InputError: the jobs cannot be trained with the settings they have.
    """
    import_optuna()
    for job in jobs:
        check_space(space, job)
    path = out / "study.json"
    made_of = _fingerprint(jobs, space)
    study: Study = read_json(path) if path.is_file() else {"made_of": made_of, "trials": []}
    if study["made_of"] != made_of:
        raise ConfigError(
            f"{path} was made with other jobs, settings or another space: use another --out"
        )
    began = time.monotonic()
    tasks = open_tasks(jobs, out, say)
    study = _described(study, space, tasks)
    records: list[Trial] = study["trials"]
    sampled = distributions(space, jobs[0])
    while timeout is None or time.monotonic() - began < timeout:
        if not records or records[-1]["state"] != RUNNING:
            if len(records) >= trials:
                break
            present = {key: setting(jobs[0], key) for key in space}
            settings = propose(space, sampled, records, present, jobs[0].seed)
            records.append(
                {"number": len(records), "state": RUNNING, "settings": settings, "tasks": {}}
            )
        trial = records[-1]
        _advance(trial, tasks, records[:-1])
        _save(study, path)
        if trial["state"] != RUNNING:
            say(_line(trial, trials, best_of(records)))
    study["importances"] = importances(sampled, records, jobs[0].seed)
    _save(study, path)
    return study


def best_of(records: Sequence[Trial]) -> Trial | None:
    """Return the complete trial with the highest value."""
    complete = [trial for trial in records if trial["state"] == COMPLETE]
    return max(complete, key=lambda trial: trial["value"], default=None)


def is_hopeless(trial: Trial, names: Sequence[str], start: int, earlier: Sequence[Trial]) -> bool:
    """Return whether a trial does worse, on the tasks it has done, than half of the complete ones.

    Args:
        trial: its tasks are the first of `names`.
        names: of all tasks, in order.
        start: tasks to wait for.
        earlier: trials before it.
    """
    done = names[: len(trial["tasks"])]
    complete = [other for other in earlier if other["state"] == COMPLETE]
    if len(complete) < MIN_COMPLETE or not start <= len(done) < len(names):
        return False
    others = statistics.median(mean_ratio(other, done) for other in complete)
    return mean_ratio(trial, done) < others


def _advance(trial: Trial, tasks: Sequence[SearchTask], earlier: Sequence[Trial]) -> None:
    """Measure a trial on its next task, and decide whether it goes on."""
    names = [task.name for task in tasks]
    task = tasks[len(trial["tasks"])]
    began = time.monotonic()
    try:
        score = task.measure(trial["settings"])
    except (InputError, torch.OutOfMemoryError) as error:
        if not best_of(earlier):  # nothing has worked yet, so it is not these settings
            raise
        trial |= {"state": PRUNED, "error": str(error).splitlines()[0]}
        return
    trial["tasks"][task.name] = {
        "NDCG@10": score,
        "ratio": score / task.floors[task.best_floor],
        "seconds": round(time.monotonic() - began, 2),
    }
    # what helps in one protocol only shows there, so wait until each had its turn
    start = len({task.split.protocol for task in tasks})
    if len(trial["tasks"]) == len(tasks):
        trial["state"] = COMPLETE
    elif is_hopeless(trial, names, min(start, len(tasks) - 1), earlier):
        trial["state"] = PRUNED
    trial["value"] = mean_ratio(trial, list(trial["tasks"]))
    trial["seconds"] = round(sum(done["seconds"] for done in trial["tasks"].values()), 2)


def _save(study: Study, path: Path) -> None:
    best = best_of(study["trials"])
    study["best"] = best["number"] if best else None
    write_json(path, study)


def _described(study: Study, space: Space, tasks: Sequence[SearchTask]) -> Study:
    return {
        "objective": OBJECTIVE,
        "made_of": study["made_of"],
        "versions": {name: version(name) for name in ("isthmus", "torch", "optuna")},
        "space": {key: parameter.to_dict() for key, parameter in space.items()},
        "tasks": {t.name: {"best_floor": t.best_floor, "floors": t.floors} for t in tasks},
        "best": None,
        "importances": {},
        "trials": study["trials"],
    }


def _fingerprint(jobs: Sequence[JobConfig], space: Space) -> str:
    """Hash what decides a study; two with the same hash can go on from one another."""
    about = [[job.to_dict() for job in jobs], {key: p.to_dict() for key, p in space.items()}]
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def _line(trial: Trial, trials: int, best: Trial | None) -> str:
    """Say how a trial ended."""
    line = f"trial {trial['number'] + 1}/{trials}: "
    if "error" in trial:
        return f"{line}stopped, {trial['error']}"
    line += f"{trial['value']:.4f} of the floors, {trial['seconds']:.0f} s"
    if trial["state"] == PRUNED:
        line += f"; stopped after {len(trial['tasks'])} tasks"
    return line + (f"; the best is {best['value']:.4f}" if best else "")
