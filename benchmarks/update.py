"""What `isthmus update` costs: seconds and memory of a trained run that takes new rows in.

    ISTHMUS_DATA=... python benchmarks/update.py runs/food-kitchen-to-kitchen --protocol user-cold

New items have words of items that are there, new people and some old ones use old and new items, by
popularity. The run is not touched: each variant writes a run of its own under `--work`, which is
removed. Steps are parts of the variant without judging. Writes `results/update.json`.
"""

import argparse
import csv
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from machine import called, machine
from stopwatch import Stopwatch

from kg.files import read_json, write_json
from kg.graph import KnowledgeGraph
from kg.store import load_graph
from training.run_folder import RunFolder
from training.updating.update import update_run

RESULT = Path(__file__).parent / "results" / "update.json"
STEPS = {
    "tables": "kg.additions.add.add_tables",
    "features": "training.updating.features.grow_features",
    "text neighbours": "training.updating.neighbours.grow_neighbours",
    "network, with text neighbours and forward pass": "training.updating.moving.Mover.network",
    "embeddings and signals of the second stage": "training.updating.moving.Mover.model",
    "probabilities": "training.updating.moving.Mover.with_probabilities",
}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="a trained run")
    parser.add_argument("--protocol", required=True, help="the one of its models that is updated")
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--interactions", type=int, default=5_000)
    parser.add_argument("--work", type=Path, help="folder for what is written")
    arguments = parser.parse_args()
    about, stopwatch = machine("torch"), Stopwatch()
    graph = load_graph(RunFolder(arguments.run).graph)
    variants: dict[str, dict[str, Any]] = {
        "embeddings, signals, probabilities": {"judge": False},
        "and asked for new interactions before they enter": {"judge": True},
        "and five steps of fine-tuning": {"judge": False, "fine_tune": 5},
    }
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
        run = alone(arguments.run, arguments.protocol, Path(folder) / "run")
        nodes, edges = Path(folder) / "nodes.csv", Path(folder) / "edges.csv"
        tables(graph, arguments, nodes, edges)
        for path in STEPS.values():
            stopwatch.wrap(path)
        for name, settings in variants.items():
            stopwatch.steps.clear()
            out = Path(folder) / "out"
            began, busy = time.monotonic(), time.process_time()
            done = update_run(run, nodes=[nodes], edges=[edges], out=out, **settings)
            found[name] = {
                "seconds": round(time.monotonic() - began, 1),
                "cpu_seconds": round(time.process_time() - busy, 1),
                "rejected": done.rejects.num_rows,
                "steps": dict(seconds_of(stopwatch)),
            }
            shutil.rmtree(out)
            print(name, found[name], flush=True)
    result = {
        "command": called(),
        "machine": about,
        "nodes": {kind: len(each) for kind, each in graph.nodes.items()},
        "interactions": len(graph.interaction_edges),
        "new": {k: getattr(arguments, k) for k in ("items", "people", "interactions")},
        "updates": found,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    write_json(RESULT, result)


def alone(run: Path, protocol: str, copy: Path) -> Path:
    """Return a run with one of the models: its folders are those of the run, by links."""
    copy.mkdir(parents=True)
    for part in ("graph", "features", protocol):
        (copy / part).symlink_to((run / part).resolve(), target_is_directory=True)
    write_json(copy / "config.json", read_json(run / protocol / "model" / "model.json")["job"])
    return copy


def tables(graph: KnowledgeGraph, wanted: Any, nodes: Path, edges: Path) -> None:
    """Write tables of new items and people, and of what these and some old people use."""
    rng = np.random.default_rng(0)
    used = graph.interaction_edges.dst
    like = rng.choice(used, wanted.items)  # a new item has the words of two that are used
    other = rng.choice(used, wanted.items)
    with nodes.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["type", "id", "title", "text", "domain"])
        for number, (one, two) in enumerate(zip(like, other, strict=True)):
            title = f"{graph.items.title[int(one)]} {graph.items.title[int(two)]}"
            domain = graph.domains[int(np.flatnonzero(graph.items.domains[one])[0])]
            rows.writerow([graph.item_type, f"new-item-{number}", title, title, domain])
    people = [f"new-person-{number}" for number in range(wanted.people)]
    old = rng.integers(len(graph.users), size=wanted.people)
    people += graph.users.vocab.to_ids(old)
    with edges.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["src", "dst"])
        items = graph.items.vocab.to_ids(rng.choice(used, wanted.interactions))
        for person, item, new in zip(
            rng.integers(len(people), size=wanted.interactions),
            items,
            rng.random(wanted.interactions) < 0.1,
            strict=True,
        ):
            to = f"new-item-{rng.integers(wanted.items)}" if new else item
            rows.writerow([people[int(person)], to])


def seconds_of(stopwatch: Stopwatch) -> Iterator[tuple[str, float]]:
    """Yield processor seconds of each step that was taken; a step may hold another."""
    for name, path in STEPS.items():
        calls = stopwatch.steps.get(path.rpartition(".")[2], [])
        if calls:
            yield name, round(sum(busy for _, _, busy in calls), 2)


if __name__ == "__main__":
    main()
