"""Two one-core workers beside one, by Ray: speed, quality, and what a killed worker costs.

    python benchmarks/distributed.py toys-beauty-text-to-toys --work work

Each run trains the network of one protocol on a Ray cluster of this machine: `--seeds` times with
one worker of one core, and as often with two, in turns. Interactions a second are those of the
latest steps, waiting for the other worker included, as the first one writes them down; epochs have
the propagation of a world in them, which each worker does for itself. The second stage and the
evaluation are left out. Then once more with two, of which one is killed in the middle
of an epoch. Batches of all workers together are of the same size, so that runs take as many steps.
"""

import argparse
import contextlib
import json
import statistics
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from machine import called, machine

from kg.files import write_json
from training.config import JobConfig, load_job
from training.distributed.cluster import Cluster
from training.distributed.ray_training import train_on
from training.evaluation.report_training import read_records
from training.evaluation.valid import MONITOR
from training.jobs import encode_step, import_step, split_step
from training.run_folder import RunFolder

HERE = Path(__file__).parent
RESULT = HERE / "results" / "distributed.json"
SETTINGS = ("ranking.folds=0", "evaluation.calibration=none", "training.patience=99")


def ray_workers() -> list[psutil.Process]:
    """Return the processes that train for this one."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "RayTrainWorker" in " ".join(process.cmdline()):
                found.append(process)
    return found


def kill_in_second_epoch(metrics: Path, killed: list[int]) -> None:
    """Kill a worker some seconds after the first epoch."""
    while not any(record["epoch"] == 1 and "valid" in record for record in read_records(metrics)):
        time.sleep(0.2)
    time.sleep(5)
    victim = ray_workers()[-1]
    victim.kill()
    killed.append(victim.pid)


def trained(job: JobConfig, run: RunFolder, protocol: Any, cluster: Cluster) -> dict[str, Any]:
    """Train, and return what the run's records say."""
    import_step(job, run)
    encode_step(job, run)
    split_step(job, run, protocol)
    began = time.perf_counter()
    train_on(cluster, job, run, protocol)
    records = read_records(run.task(protocol).metrics)
    epochs = [record for record in records if "valid" in record]
    return {
        "workers": cluster.workers,
        "seed": job.seed,
        "edges_per_second": records[-1]["edges_per_second"],
        "epoch_seconds": [record["seconds"] for record in epochs[1:]],
        "valid_start": epochs[0]["valid"][MONITOR],
        "valid": max(record["valid"][MONITOR] for record in epochs),
        "valid_last": epochs[-1]["valid"][MONITOR],
        "epochs": [record["epoch"] for record in epochs],
        "seconds": round(time.perf_counter() - began, 1),
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("job", help="Of benchmarks/jobs.")
    parser.add_argument("--work", type=Path, required=True, help="Folder for runs.")
    parser.add_argument("--protocol", default="user-cold")
    parser.add_argument("--regime", default="decoupled")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    settings = [
        *SETTINGS,
        f"training.regime={arguments.regime}",
        f"training.epochs={arguments.epochs}",
        f'task.protocols=["{arguments.protocol}"]',
    ]
    job = load_job(HERE / "jobs" / f"{arguments.job}.toml", settings)
    about = machine("torch", "ray")
    runs = []
    one, two = (Cluster(workers=workers, cpus=1) for workers in (1, 2))
    with two.joined():
        for seed in range(arguments.seeds):
            for cluster in (one, two):
                run = RunFolder(arguments.work / f"{cluster.workers}-workers-{seed}")
                runs.append(trained(replace(job, seed=seed), run, arguments.protocol, cluster))
                print(json.dumps(runs[-1]))
        killed: list[int] = []
        run = RunFolder(arguments.work / "killed")
        more = replace(job, training=replace(job.training, epochs=2))
        thread = threading.Thread(
            target=kill_in_second_epoch,
            args=(run.task(arguments.protocol).metrics, killed),
            daemon=True,
        )
        thread.start()
        after_death = trained(more, run, arguments.protocol, two)
    speed, seconds, valid = ({1: [], 2: []} for _ in range(3))
    for each in runs:
        speed[each["workers"]].append(each["edges_per_second"])
        seconds[each["workers"]] += each["epoch_seconds"]
        valid[each["workers"]].append(each["valid_last"])
    middle, spread = statistics.mean(valid[1]), 1.96 * statistics.stdev([*valid[1], *valid[2]])
    result = {
        "command": called(),
        "machine": about,
        "job": arguments.job,
        "protocol": arguments.protocol,
        "regime": arguments.regime,
        "epochs": arguments.epochs,
        "runs": runs,
        "two_workers_to_one": round(statistics.median(speed[2]) / statistics.median(speed[1]), 2),
        "two_workers_to_one_in_epochs": round(
            statistics.median(seconds[1]) / statistics.median(seconds[2]), 2
        ),
        MONITOR: {
            "one_worker": middle,
            "two_workers": statistics.mean(valid[2]),
            "interval_over_seeds": [middle - spread, middle + spread],
        },
        "killed": {**after_death, "killed": len(killed)},
    }
    write_json(arguments.out, result)
    print(f"two workers: {result['two_workers_to_one']} times the interactions a second of one")
    print(f"epochs with what is not divided: {result['two_workers_to_one_in_epochs']} times")
    print(f"valid {MONITOR}: {result[MONITOR]}")
    print(f"killed {len(killed)} of them; epochs {after_death['epochs']}")


if __name__ == "__main__":
    main()
