"""What each group of signals brings to the second stage: learned with it, and without it, on valid.

    ISTHMUS_DATA=... python benchmarks/ranking.py food-kitchen-to-kitchen toys-beauty-text-to-beauty

The network is the one a job starts from; training it moves these figures by a percent at most.
Signals are computed once for all rows of the table. The test part is not looked at.
"""

import argparse
import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import called, machine
from rich.console import Console
from rich.table import Table

from gnn.ranker import Ranked, Ranker, fit_ranker, prior
from kg.files import write_json
from training.baselines.base import Scorer, Task
from training.baselines.floors import floors_for
from training.config import load_job
from training.evaluation.evaluate import evaluate
from training.evaluation.split import Split, make_split
from training.jobs import encode_step, import_step
from training.prepare import prepare
from training.ranking.lists import lists_of
from training.ranking.rehearsal import rehearse
from training.ranking.second_stage import TwoStageScorer
from training.ranking.signals import PRIOR, Signals
from training.ranking.worlds import world_of
from training.run_folder import RunFolder
from training.seed import generator, rng

HERE = Path(__file__).parent
OUT = HERE / "results" / "ranking.json"
USERS = 3_000  # of the valid part
METRICS = ("NDCG@10", "Recall@20")
GROUPS = {
    "ridge": ("ridge",),
    "network": ("network",),
    "latent": ("latent",),
    "least squares": ("least squares",),
    "item-kNN": ("item-kNN",),
    "user-kNN": ("user-kNN", "user-kNN, few"),
    "popularity": ("popularity", "nearest neighbour", "fifth neighbour"),
    "texts": ("text", "nearest of", "near "),
}


def main() -> None:
    """Measure what is not measured yet and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jobs", nargs="+")
    parser.add_argument("--protocols", nargs="+", default=["user-cold", "item-cold"])
    parser.add_argument("--work", type=Path, default=Path("runs/transfer"))
    arguments = parser.parse_args()
    records = json.loads(OUT.read_text(encoding="utf-8"))["records"] if OUT.is_file() else []
    for job in arguments.jobs:
        for protocol in arguments.protocols:
            if not any((r["job"], r["protocol"]) == (job, protocol) for r in records):
                records.append(measure(job, protocol, arguments.work))
                about = {"command": called(), "machine": machine("torch")}
                write_json(OUT, {**about, "records": records})
            show(next(r for r in records if (r["job"], r["protocol"]) == (job, protocol)))


def measure(name: str, protocol: str, work: Path) -> dict[str, Any]:
    """Learn weights with all signals and without each group; judge them on valid."""
    job = load_job(HERE / "jobs" / f"{name}.toml")
    run = RunFolder(work / name)
    graph = import_step(job, run)
    features = encode_step(job, run)
    split = make_split(graph, job.task, protocol, job.seed)  # type: ignore[arg-type]
    split = some_users(split)
    device = torch.device("cpu")
    objective = prepare(job, split, features, device)
    world = world_of(split, features, objective, objective.embed())
    began = time.monotonic()
    signals = Signals(world, job.seed)
    start = prior(signals.names(), PRIOR[protocol])
    draws = rng(job.seed, "ranking")
    lists: list[Ranked] = []
    for fold in rehearse(split, job.ranking.folds, job.ranking.simulated, draws):
        known = None if protocol == "item-cold" else objective.neighbours
        inside = prepare(job, fold, features, device, neighbours=known)
        fold_signals = Signals(world_of(fold, features, inside, inside.embed()), job.seed)
        lists += list(lists_of(fold_signals, fold, start, draws))
    seconds = round(time.monotonic() - began, 1)

    kept = Kept(signals)

    def scorer_of(ranker: Ranker) -> TwoStageScorer:
        scorer = TwoStageScorer("second stage", world, ranker, job.seed)
        scorer.signals = kept  # type: ignore[assignment]
        return scorer

    floors: list[Scorer] = floors_for(Task(split=split, item_features=world.text), job.seed)
    rows = {floor.name: judge(floor, split) for floor in floors[1:]}
    rows["first stage"] = judge(world.network, split)
    rows["nothing learned"] = judge(scorer_of(start), split)
    everything = learn(lists, start, job.seed)
    rows["all signals"] = judge(scorer_of(everything), split)
    for group, prefixes in GROUPS.items():
        left = [not (n == group or n.startswith(prefixes)) for n in start.names]
        if all(left):
            continue
        fewer = [
            dataclasses.replace(one, signals=np.ascontiguousarray(one.signals[:, left]))
            for one in lists
        ]
        names = [n for n, stays in zip(start.names, left, strict=True) if stays]
        without = learn(fewer, prior(names, PRIOR[protocol]), job.seed)
        rows[f"without {group}"] = judge(scorer_of(without), split)
    return {
        "job": name,
        "protocol": protocol,
        "lists": len(lists),
        "rehearsal_seconds": seconds,
        "weights": everything.to_json(),
        "rows": rows,
    }


class Kept:
    """Signals that are computed once for each block of users."""

    def __init__(self, signals: Signals) -> None:
        self._signals, self._kept = signals, {}  # type: ignore[var-annotated]

    def __call__(self, users: Any, items: Any) -> Any:
        """Return signals by name, as `Signals` does."""
        key = (int(users[0]), len(users), len(items))
        if key not in self._kept:
            found = self._signals(users, items)
            self._kept[key] = {name: x.astype(np.float16) for name, x in found.items()}
        return {name: x.astype(np.float32) for name, x in self._kept[key].items()}

    def said(self, users: Any, items: Any) -> Any:
        """Yield the same, which scaling once more does not change."""
        yield from self(users, items).items()


def learn(lists: Sequence[Ranked], start: Ranker, seed: int) -> Ranker:
    """Return weights learned as a job learns them."""
    return fit_ranker(
        lists, start, steps=150, learning_rate=0.05, generator=generator(seed, "ranking")
    )


def judge(scorer: Scorer, split: Split) -> dict[str, float]:
    """Return metrics on valid, in percent."""
    found = evaluate(scorer, split, "valid", rng=rng(0, "valid"), sampled_negatives=0)
    return {metric: round(100 * found.mean(metric), 3) for metric in METRICS}


def some_users(split: Split) -> Split:
    """Return the split with a sample of its valid users, so that signals fit in memory."""
    users = np.unique(split.valid.users)
    if len(users) <= USERS:
        return split
    rows = np.isin(split.valid.users, rng(0, "users").choice(users, USERS, replace=False))
    valid = dataclasses.replace(
        split.valid, users=split.valid.users[rows], items=split.valid.items[rows]
    )
    return dataclasses.replace(split, valid=valid)


def show(record: dict[str, Any]) -> None:
    """Print one table."""
    table = Table(title=f"{record['job']}, {record['protocol']}: valid, %")
    for heading in ("", *METRICS):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, found in record["rows"].items():
        table.add_row(name, *(f"{found[metric]:.2f}" for metric in METRICS))
    Console().print(table)


if __name__ == "__main__":
    main()
