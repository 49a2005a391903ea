"""Options that say where the work of a command is done."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kg.errors import ConfigError, nearest

if TYPE_CHECKING:
    from queries.recommender import Recommender
    from queries.spread import Answer
    from training.config import JobConfig
    from training.distributed.cluster import Cluster
    from training.distributed.workers import Workers

ENGINES = ("local", "ray")

Engine = Annotated[str, typer.Option(help="Where: local, or ray for a cluster.")]
RayAddress = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Of the cluster: auto on a node of it; one here."),
]
NumWorkers = Annotated[int | None, typer.Option("--workers", help="Processes; 2.", min=1)]
WorkerCpus = Annotated[
    int | None, typer.Option(help="CPUs of each; 1, or a share of this machine.", min=1)
]


def cluster_of(
    engine: str, address: str | None, workers: int | None, cpus: int | None
) -> "Cluster | None":
    """Return the cluster that options describe, None for this process.

    Raises:
        ConfigError: options do not fit together.
    """
    if engine not in ENGINES:
        raise ConfigError(
            f"--engine {engine!r}{nearest(engine, ENGINES)} (it is: {', '.join(ENGINES)})"
        )
    if engine == "local":
        if address is not None or workers is not None or cpus is not None:
            raise ConfigError(
                "--ray-address, --workers and --worker-cpus need --engine ray; without Ray: "
                "torchrun --nproc-per-node 2 -m isthmus run JOB"
            )
        return None
    from training.distributed.cluster import WORKERS, Cluster

    return Cluster(address=address, workers=workers or WORKERS, cpus=cpus)


@contextmanager
def working(
    job: "JobConfig", cluster: "Cluster | None"
) -> Iterator[tuple["Workers", "Cluster | None"]]:
    """Yield who does a job: the workers that torchrun has started, or this process and a cluster.

    Raises:
        ConfigError: torchrun and Ray at once, no Ray, or no cluster.
    """
    from training.distributed.workers import workers_of_environment

    with workers_of_environment(job.training.device) as workers:
        if cluster is None:
            yield workers, None
            return
        if workers.size > 1:
            raise ConfigError("--engine ray starts workers itself: leave torchrun away")
        with cluster.joined():
            yield workers, cluster


@contextmanager
def answering(
    recommender: "Recommender", cluster: "Cluster | None", asked: Mapping[str, Any]
) -> Iterator["Answer | None"]:
    """Yield what answers blocks of users on a cluster, None where there is none.

    Args:
        recommender: of a run.
        cluster: is joined inside the block.
        asked: `domain`, `k` and `filters`.

    Raises:
        ConfigError: no Ray, or no cluster.
    """
    if cluster is None:
        yield None
        return
    from queries.spread import spread_answers

    with cluster.joined():
        yield spread_answers(recommender, cluster, **asked)
