"""From the start of a process to its first answer, beside a process that only imports torch.

    python benchmarks/first_answer.py RUN
    python benchmarks/first_answer.py RUN --rounds 9 --out benchmarks/results/first-answer.json

Each round starts `isthmus recommend RUN --user ID -k 10` and `python -c "import torch"`, one after
the other, so that both meet the same load; printed are medians of processor time and of wall time,
and their ratio. Files are in the page cache from the second round on.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from machine import called, machine

from kg.files import write_json
from queries.opened import open_run


def main() -> None:
    """Measure, print, and write where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument("--protocol", help="which of its models; the first")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="JSON to write")
    arguments = parser.parse_args()
    opened = open_run(arguments.run, arguments.protocol)
    split, graph = opened.split, opened.graph
    if split is None:
        parser.error("the run has no split: nothing is ranked by a second stage")
    user = graph.users.vocab.id(int(split.test.users[0]))
    asked = ["--domain", split.target, "--user", user, "--protocol", split.protocol, "-k", "10"]
    command = ["recommend", str(arguments.run), *asked]
    calls = {
        "first answer": [sys.executable, "-c", "import isthmus; isthmus.main()", *command],
        "import torch": [sys.executable, "-c", "import torch"],
    }
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in calls}
    about = machine("numpy", "scipy", "torch")
    for _ in range(arguments.rounds):
        for name, call in calls.items():
            rounds[name].append(measure(call))
    found = {
        name: {key: round(statistics.median(one[key] for one in of), 2) for key in of[0]}
        for name, of in rounds.items()
    }
    model = arguments.run / split.protocol / "model"
    sizes = {path.name: path.stat().st_size for path in sorted(model.iterdir())}
    ratio = found["first answer"]["cpu_seconds"] / found["import torch"]["cpu_seconds"]
    print(f"{len(graph.users):,} users, {len(graph.items):,} items, {split.protocol}")
    for name, of in found.items():
        print(f"{name}: {of['cpu_seconds']} s of processor time, {of['wall_seconds']} s in all")
    print(f"ratio of processor time to importing torch: {ratio:.2f}")
    print(f"model folder: {sum(sizes.values()) / 1e6:.0f} MB")
    if arguments.out is not None:
        record: dict[str, Any] = {
            "command": called(),
            "machine": about,
            "users": len(graph.users),
            "items": len(graph.items),
            "protocol": split.protocol,
            "medians": found,
            "rounds": rounds,
            "ratio_of_cpu_seconds": round(ratio, 2),
            "model_bytes": sizes,
        }
        write_json(arguments.out, record)


def measure(command: list[str]) -> dict[str, float]:
    """Return processor time of a command and wall time until it has ended, in seconds."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return {
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
        "wall_seconds": round(time.perf_counter() - began, 3),
    }


if __name__ == "__main__":
    main()
