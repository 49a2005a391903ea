"""Processes that train one network together, each on its share of the interactions."""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Protocol, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from kg.errors import ConfigError
from training.seed import generator

BUCKET_BYTES = 64 * 1024**2  # of gradients that travel together
# Work is waited for; whoever starts the workers ends them when one dies.
PATIENCE = timedelta(days=1)

T = TypeVar("T")


class Workers(Protocol):
    """What the loop knows of the processes that train with it.

    Attributes:
        rank: which of them this is, from 0.
        size: how many there are.
        here: how many of them on this machine.
    """

    rank: int
    size: int
    here: int

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes files."""

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give every gradient its mean over the workers."""

    def average(self, values: Tensor) -> Tensor:
        """Return the mean of `values` over the workers."""

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set on any worker; waits for all of them."""

    def first_says(self, value: Any) -> Any:
        """Return the JSON value that the first worker has; waits for it."""

    def barrier(self) -> None:
        """Wait until all workers have come here."""

    def in_turn(self, make: Callable[[], T]) -> T:
        """Return what `make` gives; others call it when the first is done, and find its files."""

    def start_alike(self, module: nn.Module) -> None:
        """Give every worker the parameters and buffers of the first."""

    def draws(self, shared: torch.Generator, seed: int, step: int) -> torch.Generator:
        """Return what draws this worker's part of a step.

        Args:
            shared: source of what all workers draw alike; the same for all where there is one.
            seed: of the job.
            step: number of the step since the start of training.
        """


class Alone:
    """One process does everything."""

    rank, size, here = 0, 1, 1
    is_first = True

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Leave the gradients as they are."""

    def average(self, values: Tensor) -> Tensor:
        """Return the values."""
        return values

    def any(self, flag: bool) -> bool:
        """Return the flag."""
        return flag

    def first_says(self, value: Any) -> Any:
        """Return the value."""
        return value

    def barrier(self) -> None:
        """Wait for nobody."""

    def in_turn(self, make: Callable[[], T]) -> T:
        """Return what `make` gives."""
        return make()

    def start_alike(self, module: nn.Module) -> None:
        """Leave the module as it is."""

    def draws(self, shared: torch.Generator, seed: int, step: int) -> torch.Generator:
        """Return `shared`: worlds and batches come from one stream."""
        del seed, step
        return shared


ALONE = Alone()


class Group:
    """The processes of torch's process group, which must be there.

    Gradients are averaged as DistributedDataParallel does it (Li et al., VLDB 2020), after the
    backward pass: a step computes only what its batch needs, so which parameters have a gradient
    differs between workers and steps.
    """

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self.here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes files."""
        return self.rank == 0

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give every gradient its mean over the workers.

        A parameter without a gradient counts as zero where another worker has one, and stays
        without where nobody has one.
        """
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        has = torch.tensor([p.grad is not None for p in trained], dtype=torch.uint8)
        dist.all_reduce(has, op=dist.ReduceOp.MAX)
        gradients = []
        for parameter, anywhere in zip(trained, has.tolist(), strict=True):
            if anywhere:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                gradients.append(parameter.grad)
        for bucket in _buckets(gradients):
            flat = torch.cat([gradient.reshape(-1) for gradient in bucket])
            dist.all_reduce(flat)
            flat /= self.size
            parts = torch.split(flat, [gradient.numel() for gradient in bucket])
            for gradient, part in zip(bucket, parts, strict=True):
                gradient.copy_(part.view_as(gradient))

    def average(self, values: Tensor) -> Tensor:
        """Return the mean of `values` over the workers."""
        total = values.detach().clone()
        dist.all_reduce(total)
        return total / self.size

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set on any worker; waits for all of them."""
        said = torch.tensor([flag], dtype=torch.uint8)
        dist.all_reduce(said, op=dist.ReduceOp.MAX)
        return bool(said.item())

    def first_says(self, value: Any) -> Any:
        """Return the JSON value that the first worker has; waits for it."""
        said = torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8)
        length = torch.tensor([len(said)])
        dist.broadcast(length, src=0)
        said = said if self.is_first else torch.empty(int(length), dtype=torch.uint8)
        dist.broadcast(said, src=0)
        return json.loads(said.numpy().tobytes())

    def barrier(self) -> None:
        """Wait until all workers have come here."""
        self.any(False)

    def in_turn(self, make: Callable[[], T]) -> T:
        """Return what `make` gives; others call it when the first is done, and find its files."""
        if not self.is_first:
            self.barrier()
        made = make()
        if self.is_first:
            self.barrier()
        return made

    def start_alike(self, module: nn.Module) -> None:
        """Give every worker the parameters and buffers of the first.

        They are computed from the same data by each; machines of different kinds round differently.
        """
        for value in module.state_dict().values():
            dist.broadcast(value, src=0)

    def draws(self, shared: torch.Generator, seed: int, step: int) -> torch.Generator:
        """Return a stream of this worker's own for this step, which no checkpoint has to keep."""
        return generator(seed, f"step {step} of worker {self.rank}", shared.device.type)


@contextmanager
def workers_of_environment(device: str) -> Iterator[Workers]:
    """Yield the workers that `torchrun` or Ray has started this process among; alone without them.

    Args:
        device: as `training.device` has it; each worker of a machine takes a GPU of its own.

    Raises:
        ConfigError: a machine has fewer GPUs than workers.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    if dist.is_initialized():  # Ray has
        yield Group()
        return
    gpu = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    if gpu:
        local = int(os.environ["LOCAL_RANK"])
        if local >= torch.cuda.device_count():
            raise ConfigError(
                f"{torch.cuda.device_count()} GPUs here, for more workers: lower --nproc-per-node, "
                "or --set training.device=cpu"
            )
        torch.cuda.set_device(local)
    dist.init_process_group(backend(gpu), timeout=PATIENCE)
    try:
        yield Group()
    finally:
        dist.destroy_process_group()


def backend(gpu: bool) -> str:
    """Return what carries tensors between workers, as torch names it.

    Flags travel between CPUs in any case: they must not wait for what a GPU has yet to compute.
    """
    return "cpu:gloo,cuda:nccl" if gpu else "gloo"


def _buckets(gradients: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Yield runs of gradients of one type, of `BUCKET_BYTES` or a single one that is larger."""
    by_type: dict[torch.dtype, list[Tensor]] = {}
    for gradient in gradients:
        by_type.setdefault(gradient.dtype, []).append(gradient)
    for alike in by_type.values():
        bucket: list[Tensor] = []
        for gradient in alike:
            if bucket and sum(g.nbytes for g in bucket) + gradient.nbytes > BUCKET_BYTES:
                yield bucket
                bucket = []
            bucket.append(gradient)
        yield bucket
