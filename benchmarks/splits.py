"""Cold users drawn anew: the model beside its floors where a fixed split has too few users to tell.

    ISTHMUS_DATA=... python benchmarks/splits.py toys-beauty-text-to-beauty --draws 1 2 3

Cold users are a random tenth of the overlapping ones instead of those of the job's file, valid and
test each. Settings are the defaults, but for `training.epochs = 0`, which saves most of the time
and moves results by a percent at most (docs/model.md). The draws are put together by user: who was
cold twice counts once.
"""

import argparse
import dataclasses
import json
import time
from pathlib import Path
from typing import Any

from machine import called, machine
from rich.console import Console
from rich.table import Table

from kg.files import write_json
from training.baselines.base import Scorer, Task
from training.baselines.floors import floors_for
from training.config import load_job
from training.evaluation.evaluate import evaluate
from training.evaluation.judged import Judged
from training.evaluation.seeds import across_seeds
from training.evaluation.split import make_split
from training.jobs import encode_step, import_step
from training.judge import MODEL
from training.run_folder import RunFolder
from training.search_tasks import train_scorer
from training.seed import rng

HERE = Path(__file__).parent
METRICS = (("full", "NDCG@10"), ("full", "Recall@20"), ("sampled", "MRR"))


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job")
    parser.add_argument("--draws", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--work", type=Path, default=Path("runs/transfer"))
    arguments = parser.parse_args()
    job = load_job(HERE / "jobs" / f"{arguments.job}.toml")
    run = RunFolder(arguments.work / arguments.job)
    graph = import_step(job, run)
    features = encode_step(job, run)
    vectors = features.vectors[graph.item_type]
    task = dataclasses.replace(job.task, cold_users=None, cold_items=None)
    training = dataclasses.replace(job.training, epochs=0)
    judged, seconds = [], []
    for draw in arguments.draws:
        began = time.monotonic()
        split = make_split(graph, task, "user-cold", draw)
        drawn = dataclasses.replace(job, task=task, training=training, seed=draw)
        model = train_scorer(drawn, split, features, lambda split: {})
        scorers: list[Scorer] = [model, *floors_for(Task(split=split, item_features=vectors), draw)]
        found = {
            MODEL if scorer is model else scorer.name: evaluate(
                scorer, split, "test", rng=rng(draw, "test")
            )
            for scorer in scorers
        }
        judged.append(Judged.of(found, split, MODEL))
        seconds.append(round(time.monotonic() - began, 1))
        result = across_seeds(judged)
        report = {"job": arguments.job, "draws": arguments.draws[: len(judged)], "seconds": seconds}
        out = HERE / "results" / f"splits-{arguments.job}.json"
        about = {"command": called(), "machine": machine("torch")}
        write_json(out, {**about, **report, **result})
    show(json.loads(out.read_text(encoding="utf-8")))


def show(report: dict[str, Any]) -> None:
    """Print model and floors with intervals over users."""
    title = f"{report['job']}, user-cold, {len(report['draws'])} draws, {report['num_users']} users"
    table = Table(title=f"{title}: test, %")
    for heading in ("", *(f"{group} {metric}" for group, metric in METRICS)):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, found in report["scorers"].items():
        cells = []
        for group, metric in METRICS:
            mean, low, high = (100 * found[group][metric][key] for key in ("mean", "low", "high"))
            cells.append(f"{mean:.2f} ({low:.2f}-{high:.2f})")
        table.add_row(name, *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
