"""The training step of a job on a cluster: Ray starts the workers, and replaces those that die."""

import shutil
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg.errors import ArtefactError, IsthmusError, one_line
from kg.progress import progress, say
from training.config import JobConfig
from training.distributed.cluster import Cluster
from training.evaluation.report_training import read_records
from training.run_folder import RunFolder, TaskFolder

if TYPE_CHECKING:
    from ray.train import UserCallback
    from ray.train.torch import TorchTrainer

    from training.evaluation.split import Protocol

MAX_FAILURES = 3  # times that workers may die before training is given up
REASON = 300  # characters of Ray's
LOOK_SECONDS = 1.0  # between two looks at how far training is


def train_on(cluster: Cluster, job: JobConfig, run: RunFolder, protocol: "Protocol") -> None:
    """Train one protocol's model on a cluster that is joined, unless the run has it.

    Every worker runs `training.jobs.train_step`, as under `torchrun`. When one dies all are started
    again, and go on from the last checkpoint.

    Args:
        cluster: where.
        job: what to do.
        run: where to; on storage that all machines of the cluster have at the same path.
        protocol: which model.

    Raises:
        IsthmusError: what `train_step` raises, or workers died more than `MAX_FAILURES` times.
    """
    task = run.task(protocol)
    if task.model.is_dir():
        return
    kept = run.path.resolve() / ".ray"  # what Ray writes of its own: nothing that is needed
    shutil.rmtree(kept, ignore_errors=True)
    try:
        error = _watched(_trainer(cluster, job, run, protocol, kept), task)
    finally:
        shutil.rmtree(kept, ignore_errors=True)
    if error is None:
        return
    told = getattr(error, "controller_failure", error)
    if isinstance(told, IsthmusError):
        raise told
    reason = one_line(error).removeprefix("Training failed due to ")[:REASON]
    raise IsthmusError(
        f"training on {cluster.workers} workers was given up: {reason} … the same command goes on "
        "from the last checkpoint"
    ) from error


def _trainer(
    cluster: Cluster, job: JobConfig, run: RunFolder, protocol: str, kept: Path
) -> "TorchTrainer":
    import ray
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer
    from ray.train.v2.api.config import LoggingConfig

    from training.distributed.workers import PATIENCE, backend

    there = ray.cluster_resources()
    device = job.training.device
    gpu = device.startswith("cuda") or (device == "auto" and there.get("GPU", 0) >= cluster.workers)
    needed = {"CPU": cluster.workers * cluster.cpus_each, "GPU": cluster.workers * gpu}
    for kind, number in needed.items():
        if there.get(kind, 0) < number:
            say(f"waiting for {number} {kind}s: the cluster has {there.get(kind, 0):g} as yet")
    return TorchTrainer(
        _work,
        train_loop_config={
            "job": job,
            "run": run.path.resolve(),
            "protocol": protocol,
            "threads": cluster.cpus_each,
        },
        torch_config=TorchConfig(backend=backend(gpu), timeout_s=int(PATIENCE.total_seconds())),
        scaling_config=ScalingConfig(
            num_workers=cluster.workers,
            use_gpu=gpu,
            resources_per_worker={"CPU": cluster.cpus_each, **({"GPU": 1} if gpu else {})},
        ),
        run_config=RunConfig(
            name=protocol,
            storage_path=str(kept),
            failure_config=FailureConfig(max_failures=MAX_FAILURES),
            callbacks=[no_second_try()],
            logging_config=LoggingConfig(log_level="CRITICAL"),
        ),
    )


def _work(about: dict[str, Any]) -> None:
    """Do what one worker does."""
    import torch

    from training.distributed.workers import workers_of_environment
    from training.jobs import train_step

    torch.set_num_threads(about["threads"])
    run = RunFolder(about["run"])
    if not run.config.is_file():
        raise ArtefactError(
            f"{run.path} is not on {socket.gethostname()}: the run folder must be on storage that "
            "all machines of the cluster have at the same path; use another --out"
        )
    with workers_of_environment(about["job"].training.device) as workers:
        train_step(about["job"], run, about["protocol"], workers)


def no_second_try() -> "UserCallback":
    """Return what stops Ray from trying again what would go wrong again."""
    from ray.train import UserCallback

    class Stop(UserCallback):  # type: ignore[misc]  # Ray ships no types that mypy follows
        def after_exception(
            self, run_context: object, worker_exceptions: dict[int, Exception]
        ) -> None:
            for error in worker_exceptions.values():
                if isinstance(error, IsthmusError):
                    raise error

    return Stop()


def _watched(trainer: "TorchTrainer", task: TaskFolder) -> Exception | None:
    """Return how training ended; shows how far it is, as the first worker writes it down."""
    failed: list[Exception] = []

    def train() -> None:
        try:
            trainer.fit()
        except Exception as error:  # goes on in the thread that waits
            failed.append(error)

    # Ray would take Ctrl-C for itself in the main thread. Leaving the cluster ends the workers.
    thread = threading.Thread(target=train, daemon=True)
    thread.start()
    done = 0
    with progress("training", None) as bar:
        while thread.is_alive():
            thread.join(LOOK_SECONDS)
            last = (read_records(task.metrics) or [{}])[-1]
            step = int(last.get("step", 0))
            scores = ", ".join(f"valid {name} {v:.4f}" for name, v in last.get("valid", {}).items())
            bar.advance(step - done, f"epoch {last.get('epoch', 0)} {scores}")
            done = step
    return failed[0] if failed else None
