"""Seconds and memory of every step of a run, on generated graphs of any size.

    python benchmarks/scale.py --edges 1000000 10000000 50000000 --memory 12GB --scratch FOLDER

Each graph is drawn (`generated.py`) and run through the whole pipeline once for each regime, in a
process of its own: 64 wide, 256 negatives, one epoch, no floors, no second stage, and not more than
`--test-users` users judged. An epoch may be cut (`--interactions`): every step costs the same, so
that an edge costs what those of the steps that were taken do. The steps of the pipeline are those
of `training.jobs.run_job`, put under a stopwatch. Memory is what the system says of the process,
read from outside: all that is resident, and the process's own, without pages of files, which the
system can drop at any moment; that is what `training.memory` bounds. Runs go to
`results/scale.json`, beside those of other sizes and regimes that it has.
"""

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from machine import called, machine
from stopwatch import Stopwatch, looked_at, summed, table

from kg.files import read_json, write_json
from training.memory import read_bytes

HERE = Path(__file__).resolve()
RESULT = HERE.parent / "results" / "scale.json"
NEGATIVES = 256
REGIMES = ("decoupled", "sampled")
FLAT = 0.3  # how far the time per edge may be from that of the smallest graph
STEPS = (
    "generated.write",
    "kg.store.load_graph",
    "encoders.channels.features.load_features",
    "training.evaluation.split.make_split",
    "training.evaluation.split.check_no_leak",
    "training.evaluation.split_files.save_split",
    "training.evaluation.split_files.load_split",
    "training.prepare.prepare",
    "training.prepare.text_neighbours",
    "gnn.start.start_from_data",
    "training.fit.fit",
    "training.loop.Loop.run",
    "training.objective.Objective.simulate",
    "gnn.decoupled.terms.Terms.carry",
    "training.step.train_step",
    "training.objective.Objective.embed",
    "training.evaluation.valid.valid_score",
    "training.checkpoint.save_checkpoint",
    "training.train.projection",
    "training.evaluation.calibration.calibrate",
    "training.bundle.save_bundle",
    "training.bundle.load_bundle",
    "training.evaluation.evaluate.evaluate",
    "training.evaluation.reliability.judge_calibration",
    "training.evaluation.results.compare",
    "training.evaluation.report.write_report",
)


def main() -> None:
    """Draw, run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edges", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--regimes", nargs="+", choices=REGIMES, default=list(REGIMES))
    parser.add_argument("--memory", default="12GB", help="the setting training.memory")
    parser.add_argument("--test-users", type=int, default=10_000)
    parser.add_argument("--interactions", type=int, default=0, help="of an epoch; 0 for all")
    parser.add_argument("--scratch", type=Path, required=True, help="graphs and runs; emptied")
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--set", action="append", default=[], help="further settings of the job")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        run(arguments.child)
        return
    for edges in arguments.edges:
        folder = arguments.scratch / str(edges)
        try:
            drawn = measured(folder / "drawn.json", {"edges": edges, "out": str(folder)})
            for regime in arguments.regimes:
                about = {"machine": machine("numpy", "pyarrow", "torch"), "drawn": drawn}
                found = measured(folder / "run.json", _task(folder, edges, regime, arguments))
                about |= read_json(folder / "about.json")
                record(arguments.out, about, regime, arguments.memory, found)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _task(folder: Path, edges: int, regime: str, arguments: argparse.Namespace) -> dict[str, Any]:
    job = {
        "name": "scale",
        "graph": {"folder": str(folder / "graph")},
        "task": {"target": "films", "sources": ["books"], "protocols": ["user-cold"]},
        "model": {"width": 48, "text_width": 16},
        "neighbours": {"k": 10, "lexical": 0.0, "search": "approximate"},
        "training": {"regime": regime, "memory": arguments.memory, "negatives": NEGATIVES},
        "ranking": {"folds": 0},
        "evaluation": {"floors": False, "users": arguments.test_users, "sampled_negatives": 99},
    }
    more = {"set": arguments.set, "interactions": arguments.interactions}
    return {"job": job, "folder": str(folder), "edges": edges, **more}


def measured(path: Path, task: dict[str, Any]) -> dict[str, Any]:
    """Do a task in a process of its own; return its steps, and seconds and peak of it all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, task)
    began = time.monotonic()
    command = [sys.executable, str(HERE), "--scratch", str(path.parent), "--child", str(path)]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(HERE.parents[1])}) as child:
        looks = looked_at(child)
    done = read_json(path)
    steps = {name: summed(calls, looks) for name, calls in done.get("steps", {}).items()}
    if child.returncode:
        print(table(steps, task["edges"]), flush=True)
        raise SystemExit(f"{path.name} ended with {child.returncode}, after these steps")
    return {
        **done,
        "seconds": round(time.monotonic() - began, 1),
        "peak_own_bytes": max(look.own for look in looks),
        "steps": steps,
    }


def run(path: Path) -> None:
    """Do what a file says, under a stopwatch, and write what it took in its place."""
    task, watch = read_json(path), Stopwatch()
    done: dict[str, Any] = {}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was done is written all the same
    try:
        if "job" in task:
            done = _train(task, watch)
        else:
            import generated

            watch.wrap("generated.write")
            generated.write(generated.Size(edges=task["edges"]), Path(task["out"]))
    finally:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        about = {"cpu_seconds": round(time.process_time(), 1), "peak_bytes": peak}
        write_json(path, {**done, **about, "steps": watch.steps})


def _train(task: dict[str, Any], watch: Stopwatch) -> dict[str, Any]:
    from kg.settings import build
    from training.config import JobConfig, apply_override
    from training.jobs import run_job
    from training.objective import Objective
    from training.run_folder import RunFolder

    for step in STEPS[1:]:
        watch.wrap(step)
    for override in task["set"]:
        apply_override(task["job"], override)
    if task["interactions"]:
        of_all = Objective.num_interactions.fget
        fewer = property(lambda objective: min(of_all(objective), task["interactions"]))
        Objective.num_interactions = fewer  # type: ignore[method-assign,assignment]
    folder = Path(task["folder"])
    made = RunFolder(folder / "run")
    shutil.rmtree(made.path, ignore_errors=True)
    made.path.mkdir()
    for name in ("graph", "features"):  # as if it had imported and encoded
        (made.path / name).symlink_to(folder / name)
    job = build(JobConfig, task["job"])
    run_job(job, made)
    task_folder = made.task("user-cold")
    results, model = read_json(task_folder.results), task_folder.model
    records = task_folder.metrics.read_text(encoding="utf-8").splitlines()
    valid = [record["valid"] for record in map(json.loads, records) if "valid" in record]
    return {
        "chosen": results["regime"],
        "batch": job.training.batch_size,
        "valid": valid,
        "test": results["scorers"]["isthmus"]["full"]["NDCG@10"],
        "model_bytes": sum(file.stat().st_size for file in model.iterdir()),
    }


def record(
    out: Path, about: dict[str, Any], regime: str, memory: str, found: dict[str, Any]
) -> None:
    """Put a run beside the others in the file of results, and print it."""
    edges, steps = about["edges"], found["steps"]
    trained = steps["train_step"]["calls"] * found["batch"]
    run_of = {
        **{name: about[name] for name in ("edges", "users", "items")},
        "trained_edges": trained,
        "regime": regime,
        "memory": memory,
        "within_memory": found["peak_own_bytes"] <= read_bytes(memory),
        "microseconds_per_edge": {
            "epoch": round(1e6 * epoch_seconds(steps, edges, trained), 2),
            "everything": round(1e6 * found["cpu_seconds"] / edges, 2),
        },
        "bytes_per_edge": round(found["peak_own_bytes"] / edges, 1),
        "drawn": about["drawn"],
        **found,
        "command": called(),
        "machine": {**about["machine"], "load_after": round(os.getloadavg()[0], 2)},
    }
    old = read_json(out)["runs"] if out.is_file() else []  # of other sizes and regimes
    same = (run_of["regime"], run_of["users"])
    runs = [other for other in old if (other["regime"], other["users"]) != same] + [run_of]
    runs.sort(key=lambda other: (other["regime"], other["edges"]))
    write_json(out, {"flat": flatness(runs), "runs": runs})
    print(f"\n{edges:,} edges, {regime}, memory = {memory}")
    print(table({**steps, "everything": {"calls": 1, **found}}, edges), flush=True)


def epoch_seconds(steps: dict[str, Any], edges: int, trained: int) -> float:
    """Return the processor time of an epoch for each edge.

    A world that lasts an epoch is drawn and carried once, over all edges, in or before the first
    step; worlds of a few steps belong to the edges of these steps.
    """
    simulate, step = steps["simulate"], steps["train_step"]
    carried = steps.get("carry", {"cpu_seconds": 0.0})["cpu_seconds"]
    drawn = simulate["cpu_seconds"] / (edges if simulate["calls"] == 1 else trained)
    return float(drawn + carried / edges + (step["cpu_seconds"] - carried) / trained)


def flatness(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return, by regime, the time per edge of an epoch over that of the smallest graph."""
    found = {}
    for regime in sorted({each["regime"] for each in runs}):
        some = [each for each in runs if each["regime"] == regime]
        first = some[0]["microseconds_per_edge"]["epoch"]
        ratios = [round(each["microseconds_per_edge"]["epoch"] / first, 2) for each in some]
        found[regime] = {
            "edges": [each["edges"] for each in some],
            "times_the_smallest": ratios,
            "flat": max(ratios) <= 1 + FLAT if len(some) > 1 else None,
        }
    return found


if __name__ == "__main__":
    main()
