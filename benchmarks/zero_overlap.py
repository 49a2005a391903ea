"""What transfers where no user is shared: by both stages, by the network, aligned or not.

    ISTHMUS_DATA=/data python benchmarks/zero_overlap.py food-kitchen-to-kitchen

Every overlapping user but the cold ones is two persons (`task.overlap=0`); the floors that are
still possible and the variants of the model are judged on the test part of user-cold, whose users
and interactions are those of full overlap. Writes `results/zero-overlap.json`; variants already
there are not made again, `--again` makes them again. `--set` changes every variant, and is written
down.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine
from rich.console import Console
from rich.table import Table

from kg.files import write_json
from training.baselines.base import Scorer, Task
from training.baselines.floors import floors_for
from training.baselines.mixed import Mixed
from training.baselines.popularity import Popularity
from training.baselines.text import TextCosine
from training.config import JobConfig, load_job
from training.evaluation.evaluate import evaluate
from training.evaluation.split import Split
from training.jobs import encode_step, import_step, split_step
from training.run_folder import RunFolder
from training.search_tasks import train_scorer
from training.seed import rng

HERE = Path(__file__).parent
BASE = ['task.protocols=["user-cold"]', "task.overlap=0.0", "task.shots=0"]
FIRST = ["ranking.folds=0", "model.width=64"]
VARIANTS = {
    "both stages": ["training.epochs=0"],  # its weight of the network is 0: nobody could rehearse
    "first stage, untrained": [*FIRST, "training.epochs=0"],
    "first stage, no alignment": [*FIRST, "training.alignment=none"],
    "first stage, mmd": [*FIRST, "training.alignment=mmd"],
    "first stage, sinkhorn": [*FIRST, "training.alignment=sinkhorn"],
    "first stage, edges across": [*FIRST, "training.alignment=none", "neighbours.across=30"],
    "first stage, mmd, edges across": [*FIRST, "training.alignment=mmd", "neighbours.across=30"],
}
METRICS = ("NDCG@10", "Recall@20")


def main() -> None:
    """Run what is asked and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", help="name of a file in benchmarks/jobs, without .toml")
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", nargs="+", default=[], help="settings of every variant")
    parser.add_argument("--work", type=Path, default=Path("runs/zero-overlap"))
    parser.add_argument("--again", action="store_true")
    arguments = parser.parse_args()
    out = HERE / "results" / "zero-overlap.json"
    report: dict[str, Any] = {"records": []}
    if out.is_file():
        report = json.loads(out.read_text(encoding="utf-8"))
    report |= {"command": "python benchmarks/zero_overlap.py " + arguments.job}
    report["machine"] = machine("torch")
    place = {"job": arguments.job, "seed": arguments.seed, "settings": arguments.set}
    if arguments.again:
        report["records"] = [r for r in report["records"] if not place.items() <= r.items()]
    for name in ("floors", *arguments.variants):
        asked = {**place, "variant": name}
        if any(asked.items() <= record.items() for record in report["records"]):
            continue
        began = time.monotonic()
        found = measure(arguments.job, name, arguments.seed, arguments.set, arguments.work)
        seconds = round(time.monotonic() - began, 1)
        report["records"].append({**asked, **found, "seconds": seconds})
        write_json(out, report)
    Console().print(table([r for r in report["records"] if place.items() <= r.items()]))


def measure(name: str, variant: str, seed: int, settings: list[str], work: Path) -> dict[str, Any]:
    """Judge the floors or one variant of the model; graph, features and split are shared."""
    path = HERE / "jobs" / f"{name}.toml"
    plain = load_job(path, [*BASE, f"seed={seed}"])
    run = RunFolder(work / f"{name}-{seed}")
    graph = import_step(plain, run)
    features = encode_step(plain, run)
    split = split_step(plain, run, "user-cold")
    known = split.train.user_mask(split.target) & split.train.user_mask(*split.sources)
    if known.any():
        raise SystemExit(f"{known.sum()} users are in both domains: this is not zero overlap")
    vectors = features.vectors[graph.item_type]
    if variant == "floors":
        task = Task(split=split, item_features=vectors)
        text = Mixed(
            [(0.5, TextCosine(task)), (1, Popularity(task, log=True))], "text + popularity"
        )
        return {
            "scorers": {s.name: judge(plain, split, s) for s in (*floors_for(task, seed), text)}
        }
    job = load_job(path, [*BASE, f"seed={seed}", *settings, *VARIANTS[variant]])
    scorer = train_scorer(job, split, features, lambda split: {})
    return {"scorers": {"isthmus": judge(job, split, scorer)}}


def judge(job: JobConfig, split: Split, scorer: Scorer) -> dict[str, float]:
    """Return the metrics of one scorer on the test part."""
    judged = evaluate(
        scorer,
        split,
        "test",
        k=(10, 20),
        sampled_negatives=999,
        block_bytes=job.evaluation.block_bytes,
        rng=rng(job.seed, "test"),
    )
    full = {metric: judged.mean(metric) for metric in METRICS}
    return {**full, "sampled MRR": judged.sampled_mean("MRR")}


def table(records: list[dict[str, Any]]) -> Table:
    """Return floors and variants in percent, with the ratio to the best floor."""
    floors = {n: s for r in records if r["variant"] == "floors" for n, s in r["scorers"].items()}
    best = {m: max((f[m] for f in floors.values()), default=np.nan) for m in METRICS}
    shown = Table(title="zero overlap, user-cold, test, %; x best floor")
    for heading in ("", *METRICS, "sampled MRR"):
        shown.add_column(heading, justify="right" if heading else "left")
    for name, found in floors.items():
        shown.add_row(name, *(f"{100 * value:.2f}" for value in found.values()))
    for record in records:
        if record["variant"] == "floors":
            continue
        found = record["scorers"]["isthmus"]
        cells = [f"{100 * found[m]:.2f} x{found[m] / best[m]:.2f}" for m in METRICS]
        cells.append(f"{100 * found['sampled MRR']:.2f}")
        shown.add_row(f"isthmus, {record['variant']}", *cells)
    return shown


if __name__ == "__main__":
    main()
