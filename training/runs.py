"""What the run folders below a folder hold, as far as they got; nothing is opened but JSON."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from kg.errors import ArtefactError
from kg.files import read_json
from training.claim import is_held
from training.evaluation.report_training import read_records
from training.evaluation.valid import MONITOR
from training.run_folder import PROTOCOLS, RunFolder, TaskFolder

SHOWN = ("NDCG@10", "Recall@20")  # of the test part, in full ranking
REGIME, PROGRESS = "regime.json", "progress.json"  # of modules that import torch
RUNNING, INTERRUPTED, DAMAGED = "running", "interrupted", "damaged"
TRAINED, FINISHED = "trained", "finished"  # all protocols; judged and reported too


@dataclass(kw_only=True)
class Progress:
    """How far one protocol of a run has got.

    Attributes:
        protocol: its name.
        done: `judged`, `trained`, where training stands, or that it has not begun.
        best_epoch: of those so far, 0 for the start; None before there is one.
        valid: score of the best epoch.
        seconds: that the epochs took.
        regime: how it was trained.
        test: metric -> value of the model.
        floor: name of the strongest of the others, in the first of `SHOWN`.
        ratios: metric -> value of the model over that floor's.
    """

    protocol: str
    done: str
    best_epoch: int | None = None
    valid: float | None = None
    seconds: float = 0.0
    regime: str | None = None
    test: dict[str, float] = field(default_factory=dict)
    floor: str | None = None
    ratios: dict[str, float] = field(default_factory=dict)


@dataclass(kw_only=True)
class About:
    """A run folder.

    Attributes:
        path: of the folder.
        state: `running`, `interrupted`, `trained`, `finished` or `damaged`.
        wrong: what is damaged or missing; empty where all is well.
        name: of the job.
        target: domain that is recommended.
        sources: domains that knowledge comes from; empty for every other one.
        seed: of the job.
        when: it was last written to, as ISO 8601.
        protocols: in the order of the job.
        settings: of the job, by key path.
    """

    path: str
    state: str
    wrong: list[str] = field(default_factory=list)
    name: str = ""
    target: str = ""
    sources: list[str] = field(default_factory=list)
    seed: int | None = None
    when: str = ""
    protocols: list[Progress] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain values; settings are in `config.json`."""
        values = asdict(self)
        del values["settings"]
        return values


def find_runs(folder: Path) -> list[RunFolder]:
    """Return the run at `folder`, or those below it, each target of a job apart.

    Raises:
        ArtefactError: there is no such folder.
    """
    if not folder.is_dir():
        raise ArtefactError(f"{folder} is no folder: runs are in runs/ where no --out is given")
    return list(_below(folder, depth=2))


def _below(folder: Path, depth: int) -> Iterator[RunFolder]:
    if _looks_like_a_run(folder):
        yield RunFolder(folder)
    elif depth:
        for inside in sorted(path for path in folder.iterdir() if path.is_dir()):
            if not inside.name.startswith("."):
                yield from _below(inside, depth - 1)


def _looks_like_a_run(folder: Path) -> bool:
    run = RunFolder(folder)
    parts = [run.config, run.report, run.features]
    parts += [run.task(name).split for name in PROTOCOLS]
    return any(part.exists() for part in parts)


def describe(run: RunFolder) -> About:
    """Return what a run folder holds; what is wrong with it is said and raises nothing."""
    about = About(path=str(run.path), state=INTERRUPTED, when=_when(run))
    try:
        config = read_json(run.config)
        task = config["task"]
        about.name, about.seed = config["name"], config["seed"]
        about.target, about.sources = task["target"], list(task["sources"])
        about.settings = dict(_flat(config))
        epochs, protocols = config["training"]["epochs"], list(task["protocols"])
    except (ArtefactError, KeyError, TypeError) as error:
        about.wrong.append(_said(error, run.config))
        about.state = DAMAGED
        return about
    for protocol in protocols:
        about.protocols.append(_progress(run.task(protocol), protocol, epochs, about.wrong))
    if about.wrong:
        about.state = DAMAGED
    elif run.report.is_file() and all(each.done == "judged" for each in about.protocols):
        about.state = FINISHED
    elif all(each.done in ("trained", "judged") for each in about.protocols):
        about.state = TRAINED
    if is_held(run):
        about.state = RUNNING
    return about


def _progress(task: TaskFolder, protocol: str, epochs: int, wrong: list[str]) -> Progress:
    found = Progress(protocol=protocol, done="not begun")
    lines = [line for line in read_records(task.metrics) if "valid" in line]
    if lines:
        best = max(lines, key=lambda line: (line["valid"].get(MONITOR, 0.0), -line["epoch"]))
        found.best_epoch, found.valid = best["epoch"], best["valid"].get(MONITOR)
        found.seconds = round(sum(line.get("seconds", 0.0) for line in lines), 1)
        found.done = f"epoch {lines[-1]['epoch']} of {epochs}"
    files: dict[Path, Callable[[Any], None]] = {
        task.checkpoints / PROGRESS: lambda at: _stands(found, at, epochs),
        task.path / REGIME: lambda choice: _chosen(found, choice),
        task.results: lambda results: _judged(found, results),
    }
    for path, take_in in files.items():
        if path.is_file():
            try:
                take_in(read_json(path))
            except (ArtefactError, KeyError, TypeError, AttributeError) as error:
                wrong.append(_said(error, path))
    if task.model.is_dir():
        found.done = "judged" if found.test else "trained"
    return found


def _stands(found: Progress, at: Mapping[str, Any], epochs: int) -> None:
    found.done = f"epoch {at['epoch']} of {epochs}"
    if at.get("step"):
        found.done += f" and step {at['step']:,} of {at['steps']:,}"


def _chosen(found: Progress, choice: Mapping[str, Any]) -> None:
    found.regime = choice["regime"]


def _judged(found: Progress, results: Mapping[str, Any]) -> None:
    model = results["model"]
    means = {
        name: {metric: value["mean"] for metric, value in groups["full"].items()}
        for name, groups in results["scorers"].items()
    }
    found.test = {metric: means[model][metric] for metric in SHOWN if metric in means[model]}
    others = [name for name in means if name != model]
    if others and SHOWN[0] in found.test:
        found.floor = max(others, key=lambda name: means[name][SHOWN[0]])
        floor = means[found.floor]
        found.ratios = {m: v / floor[m] for m, v in found.test.items() if floor[m] > 0}
    elif not found.test:  # other cutoffs than those shown
        found.test = dict(list(means[model].items())[:1])


def _when(run: RunFolder) -> str:
    files = [run.path, run.config, run.report]
    for name in PROTOCOLS:
        files += [run.task(name).metrics, run.task(name).results, run.task(name).checkpoints]
    times = [path.stat().st_mtime for path in files if path.exists()]
    return datetime.fromtimestamp(max(times)).astimezone().isoformat(timespec="seconds")


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in config.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _said(error: Exception, path: Path) -> str:
    if isinstance(error, ArtefactError):
        return str(error)
    return f"{path} is damaged: {type(error).__name__} {error}"
