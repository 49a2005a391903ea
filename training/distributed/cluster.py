"""A Ray cluster, on this machine or elsewhere: started, joined and left without a word."""

import logging
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from kg.errors import ConfigError

WORKERS = 2
OBJECT_STORE_BYTES = 268_435_456  # of a cluster on this machine: only texts and answers go there

# Ray reads these when it is imported and when it starts processes. It is to say nothing to anybody
# outside nor what means nothing to who runs a job, to stay in the folder it is in, to get as much
# of the CPU as others do, and to end nothing because others fill the memory.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    "RAY_worker_niceness": "0",
    "RAY_memory_monitor_refresh_ms": "0",
}


class Work(Protocol):
    """What is done with many blocks; made once in each process that does it."""

    def __call__(self, block: list[str]) -> bytes:
        """Return what becomes of a block."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Where work is spread.

    Attributes:
        address: of a cluster, "auto" for the one this machine is part of; None for one that is
            started here and ends with the command.
        workers: how many processes.
        cpus: of each; None for an equal share of this machine, or one on another cluster.
    """

    address: str | None = None
    workers: int = WORKERS
    cpus: int | None = None

    def __post_init__(self) -> None:
        if self.address is not None and self.address.startswith("ray://"):
            raise ConfigError(
                f"--ray-address {self.address}: a Ray client cannot train; start the command on a "
                'node of the cluster with --ray-address auto, as "ray job submit" does'
            )

    @property
    def cpus_each(self) -> int:
        """CPUs of one worker."""
        if self.cpus is not None:
            return self.cpus
        return 1 if self.address is not None else max(1, (os.cpu_count() or 1) // self.workers)

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Be part of the cluster inside the block.

        Raises:
            ConfigError: Ray is not installed, or there is no cluster at the address.
        """
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        try:
            import ray
        except ImportError:
            raise ConfigError("--engine ray needs Ray: pip install 'isthmus[ray]'") from None
        quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
        if self.address is None:
            ray.init(
                address="local",  # another cluster may run here
                num_cpus=max(os.cpu_count() or 1, self.workers * self.cpus_each),
                include_dashboard=False,
                object_store_memory=OBJECT_STORE_BYTES,
                **quiet,
            )
        else:
            try:
                ray.init(address=self.address, **quiet)
            except (ConnectionError, ValueError, RuntimeError) as error:
                reason = str(error).strip().splitlines()[0]
                raise ConfigError(
                    f"no Ray cluster answers at --ray-address {self.address} ({reason})"
                ) from None
        try:
            yield
        finally:
            ray.shutdown()

    def spread(
        self, work: type[Work], given: tuple[Any, ...], blocks: Iterable[list[str]]
    ) -> Iterator[bytes]:
        """Yield what becomes of each block, in order; `joined` must be in force.

        Args:
            work: a class of a module, so that other processes can import it.
            given: what it is made with.
            blocks: what its instances are called with; each block by one of them.
        """
        import ray.data
        from ray.data import DataContext, TaskPoolStrategy

        rows = [{"number": number, "block": block} for number, block in enumerate(blocks)]
        if not rows:
            return
        each: Any = _do  # whose keywords Ray's annotations do not know
        context = DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        made = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
            each,
            fn_kwargs={"work": work, "given": given, "call": uuid.uuid4().hex},
            compute=TaskPoolStrategy(size=min(self.workers, len(rows))),
            num_cpus=self.cpus_each,
        )
        early: dict[int, bytes] = {}
        expected = 0
        for row in made.iter_rows():
            early[row["number"]] = row["made"]
            while expected in early:
                yield early.pop(expected)
                expected += 1


_at_hand: dict[str, Work] = {}  # in a process of Ray's, which does many tasks: made by the first


def _do(
    row: dict[str, Any], *, work: type[Work], given: tuple[Any, ...], call: str
) -> dict[str, Any]:
    """Do one block; a task, which Ray does again elsewhere where a process or a machine dies."""
    if call not in _at_hand:
        _at_hand.clear()
        _at_hand[call] = work(*given)
    made = _at_hand[call]([str(text) for text in row["block"]])
    return {"number": row["number"], "made": made}
