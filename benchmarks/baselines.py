"""How strong are tuned baselines on a job of `benchmarks/jobs`?

    ISTHMUS_DATA=... python benchmarks/baselines.py food-kitchen-to-kitchen --seed 0

Each baseline is tuned on the valid part over its own grid of at most as many settings, and the best
is judged on the test part, with the split that a run of the job with this seed has. Records are
written to `benchmarks/results/baselines-NAME.json` as soon as they exist, and those already there
are not made again; `--again` makes them again.
"""

import argparse
import gc
import json
import resource
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine
from rich.console import Console
from rich.table import Table

from encoders.channels.features import encode_graph, load_features, save_features
from encoders.load import encoder_of
from kg.files import write_json
from kg.graph import KnowledgeGraph
from kg.importer import import_graph
from training.baselines.base import Task
from training.baselines.catalogue import BASELINES
from training.baselines.tuned import BUDGET, tune_baseline
from training.config import JobConfig, load_job
from training.evaluation.evaluate import evaluate
from training.evaluation.split import HeldOut, Protocol, make_split
from training.evaluation.valid import VALID_USERS
from training.seed import rng

HERE = Path(__file__).parent
PROTOCOLS = ("user-cold", "item-cold", "warm")
FULL, SAMPLED = ("NDCG@10", "Recall@20"), ("MRR", "HR@10")


def main() -> None:
    """Run what is asked and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", help="name of a file in benchmarks/jobs, without .toml")
    parser.add_argument("--baselines", nargs="+", default=list(BASELINES), choices=list(BASELINES))
    parser.add_argument("--protocols", nargs="+", default=PROTOCOLS, choices=PROTOCOLS)
    parser.add_argument("--seed", type=int, default=0, help="of the split and of the baselines")
    parser.add_argument("--budget", type=int, default=BUDGET, help="settings for each baseline")
    parser.add_argument("--valid-users", type=int, default=VALID_USERS, help="judged, at most")
    parser.add_argument("--test-users", type=int, default=0, help="judged, at most; 0 for all")
    parser.add_argument("--cache", type=Path, default=Path("~/.cache/isthmus/benchmarks"))
    parser.add_argument("--again", action="store_true")
    arguments = parser.parse_args()
    out = HERE / "results" / f"baselines-{arguments.job}.json"
    report: dict[str, Any] = {"records": []}
    if out.is_file() and not arguments.again:
        report = json.loads(out.read_text(encoding="utf-8"))
    report["command"] = "python benchmarks/baselines.py " + arguments.job
    report["machine"] = machine("numpy", "scipy", "torch", "implicit")
    for record in run(arguments, report["records"]):
        report["records"].append(record)
        write_json(out, report)
        print(_line(record), flush=True)
    for protocol in arguments.protocols:
        Console().print(table(arguments.job, protocol, report["records"]))


def run(arguments: argparse.Namespace, done: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield one record for each protocol and baseline that is not in `done`."""
    made = {(record["protocol"], record["baseline"], record["seed"]) for record in done}
    wanted = [
        (protocol, name)
        for protocol in arguments.protocols
        for name in arguments.baselines
        if (protocol, name, arguments.seed) not in made
    ]
    if not wanted:
        return
    job = load_job(HERE / "jobs" / f"{arguments.job}.toml")
    graph, features = open_data(job, arguments.cache.expanduser())
    for protocol in dict.fromkeys(protocol for protocol, _ in wanted):
        task = Task(
            split=make_split(graph, job.task, protocol, arguments.seed), item_features=features
        )
        for name in [name for each, name in wanted if each == protocol]:
            yield measure(name, task, job, arguments)
            gc.collect()  # weights of one before those of the next


def open_data(job: JobConfig, cache: Path) -> tuple[KnowledgeGraph, np.ndarray]:
    """Return the job's graph and the text vectors of its items, encoded once."""
    if job.graph.mapping is None:
        raise SystemExit("the job has no graph.mapping")
    graph = import_graph(job.graph.mapping).graph
    folder = cache / f"{job.graph.mapping.stem}-{graph.fingerprint[:16]}"
    if not folder.is_dir():
        save_features(encode_graph(graph, encoder_of(job.encoder), job.texts), folder)
    return graph, load_features(folder, graph).vectors[graph.item_type]


def measure(name: str, task: Task, job: JobConfig, arguments: argparse.Namespace) -> dict[str, Any]:
    """Tune one baseline and judge it."""
    seed, split = arguments.seed, task.split
    tuned = tune_baseline(
        name, task, seed=seed, budget=arguments.budget, max_users=arguments.valid_users
    )
    judged = replace(split, test=some_users(split.test, arguments.test_users, seed))
    began = time.monotonic()
    found = evaluate(
        tuned.scorer,
        judged,
        "test",
        k=job.evaluation.k,
        sampled_negatives=job.evaluation.sampled_negatives,
        rng=rng(seed, "test"),
    )
    return {
        "protocol": split.protocol,
        "baseline": name,
        "seed": seed,
        "scorer": tuned.scorer.name,
        "settings": tuned.settings,
        "tried": [
            {"settings": settings, "valid NDCG@10": round(value, 6)}
            for settings, value in tuned.tried
        ],
        "full": {metric: round(found.mean(metric), 6) for metric in FULL},
        "sampled": {metric: round(found.sampled_mean(metric), 6) for metric in SAMPLED},
        "num_users": len(found.users),
        "all_users": len(np.unique(split.test.users)),
        "num_rows": int(found.num_rows.sum()),
        "tune_seconds": round(tuned.seconds, 1),
        "evaluate_seconds": round(time.monotonic() - began, 1),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def some_users(part: HeldOut, most: int, seed: int) -> HeldOut:
    """Return a part with at most so many users, drawn at random; 0 keeps all."""
    users = np.unique(part.users)
    if not most or len(users) <= most:
        return part
    rows = np.isin(part.users, rng(seed, "test users").choice(users, most, replace=False))
    return replace(part, users=part.users[rows], items=part.items[rows])


def table(job: str, protocol: Protocol, records: list[dict[str, Any]]) -> Table:
    """Return the baselines of one protocol, in percent."""
    shown = Table(title=f"{job}, {protocol}: test, %")
    for heading in ("", "seed", *FULL, *(f"sampled {metric}" for metric in SAMPLED), "settings"):
        shown.add_column(heading, justify="right" if heading not in ("", "settings") else "left")
    for record in records:
        if record["protocol"] == protocol:
            values = [*record["full"].values(), *record["sampled"].values()]
            shown.add_row(
                record["scorer"],
                str(record["seed"]),
                *(f"{100 * value:.2f}" for value in values),
                ", ".join(f"{key} {value}" for key, value in record["settings"].items()),
            )
    return shown


def _line(record: dict[str, Any]) -> str:
    ndcg, recall = (100 * record["full"][metric] for metric in FULL)
    return (
        f"{record['protocol']:10}{record['baseline']:16}{ndcg:8.2f}{recall:8.2f}"
        f"{record['tune_seconds']:9.0f} s{record['evaluate_seconds']:7.0f} s  {record['settings']}"
    )


if __name__ == "__main__":
    main()
