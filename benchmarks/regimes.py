"""An epoch by each regime on the same job: seconds, valid NDCG@10, and memory beside its estimate.

    ISTHMUS_DATA=... python benchmarks/regimes.py food-kitchen-to-kitchen

Every regime trains from the same start in a process of its own, one after the other. Memory is what
training adds to what was there when it was chosen, without pages of files, which leave when memory
is needed. The test part is not looked at.
"""

import argparse
import dataclasses
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from machine import called, machine
from rich.console import Console
from rich.table import Table
from stopwatch import Stopwatch, looked_at, summed

from kg.files import read_json, write_json
from training.memory import held

HERE = Path(__file__).parent
OUT = HERE / "results" / "regimes.json"
REGIMES = ("full", "decoupled", "sampled")


def main() -> None:
    """Measure what is not measured yet and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jobs", nargs="+")
    parser.add_argument("--protocols", nargs="+", default=["user-cold", "item-cold"])
    parser.add_argument("--regimes", nargs="+", default=list(REGIMES))
    parser.add_argument("--width", type=int, help="of the interactions part, in place of the job's")
    parser.add_argument("--work", type=Path, default=Path("runs/transfer"))
    parser.add_argument("--one", type=Path, help="measure the first of each here, for this file")
    arguments = parser.parse_args()
    if arguments.one is not None:
        first = (arguments.jobs[0], arguments.protocols[0], arguments.regimes[0])
        write_json(arguments.one, measure(*first, arguments.width, arguments.work))
        return
    records = read_json(OUT)["records"] if OUT.is_file() else []
    for job in arguments.jobs:
        for protocol in arguments.protocols:
            for regime in arguments.regimes:
                key = {"job": job, "protocol": protocol, "regime": regime}
                key |= {"width": arguments.width}
                if any(key.items() <= record.items() for record in records):
                    continue
                records.append({**key, **apart(job, protocol, regime, arguments)})
                about = {"command": called(), "machine": machine("torch")}
                write_json(OUT, {**about, "records": records})
    show(records)


def apart(job: str, protocol: str, regime: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "record.json"
        command = [sys.executable, __file__, job, "--protocols", protocol, "--regimes", regime]
        command += ["--work", str(arguments.work), "--one", str(out)]
        if arguments.width:
            command += ["--width", str(arguments.width)]
        with subprocess.Popen(command) as child:
            looks = looked_at(child)
        if child.returncode:
            raise subprocess.CalledProcessError(child.returncode, command)
        record: dict[str, Any] = read_json(out)
    before, training = record.pop("held_before"), summed(record.pop("fit"), looks)
    return {**record, "peak_bytes": training["peak_own_bytes"] - before}


def measure(name: str, protocol: str, regime: str, width: int | None, work: Path) -> dict[str, Any]:
    """Train an epoch from the start that all regimes share; who asked looks at the memory."""
    watch = Stopwatch()
    for step in ("training.step.train_step", "training.fit.fit"):
        watch.wrap(step)
    from training.config import load_job
    from training.encoding import encode_histories
    from training.evaluation.split import make_split
    from training.fit import fit
    from training.jobs import encode_step, import_step
    from training.prepare import choose_device, prepare
    from training.repeats import without_repeats
    from training.run_folder import RunFolder

    overrides = [f"training.regime={regime}", "training.epochs=1"]
    overrides += [f"model.width={width}"] if width else []
    run, plain = RunFolder(work / name), load_job(HERE / "jobs" / f"{name}.toml")
    graph, features = import_step(plain, run), encode_step(plain, run)
    job = load_job(HERE / "jobs" / f"{name}.toml", overrides)
    split = make_split(graph, job.task, protocol, job.seed)  # type: ignore[arg-type]
    split = dataclasses.replace(split, train=without_repeats(split.train))
    device = choose_device(job.training.device)
    further = encode_histories(job, split, run=run)
    with tempfile.TemporaryDirectory(dir=work) as folder:
        scratch = Path(folder)
        objective = prepare(job, split, features, device, further=further, scratch=scratch)
        before = held()
        fitted = fit(
            job,
            split,
            objective,
            checkpoints=scratch / "checkpoints",
            metrics=scratch / "metrics.jsonl",
            fingerprint="",
        )
    start, end = (fitted.history[at]["valid"] for at in (0, -1))
    estimates, steps = objective.choice.bytes, watch.steps["train_step"]
    return {
        "seconds": fitted.history[-1]["seconds"],
        "cpu_seconds": round(sum(cpu for _, _, cpu in steps), 1),
        "steps": len(steps),
        "load": round(os.getloadavg()[0], 1),
        "valid_start": start,
        "valid_end": end,
        "interactions": objective.num_interactions,
        "held_before": before,
        "fit": watch.steps["fit"],
        "estimated_bytes": estimates.get(regime),
        "disk_bytes": objective.choice.disk if regime == "decoupled" else 0,
    }


def show(records: list[dict[str, Any]]) -> None:
    """Print all records."""
    table = Table(
        "job", "protocol", "regime", "seconds", "CPU s of steps", "valid start", "valid end"
    )
    for heading in ("GB", "GB expected", "GB of files"):
        table.add_column(heading, justify="right")
    for record in records:
        sizes = [record[k] for k in ("peak_bytes", "estimated_bytes", "disk_bytes")]
        table.add_row(
            record["job"],
            record["protocol"],
            record["regime"],
            f"{record['seconds']:.1f}",
            f"{record['cpu_seconds']:.1f}",
            *(f"{100 * next(iter(record[k].values())):.2f}" for k in ("valid_start", "valid_end")),
            *("" if size is None else f"{size / 1e9:.2f}" for size in sizes),
        )
    Console().print(table)


if __name__ == "__main__":
    main()
