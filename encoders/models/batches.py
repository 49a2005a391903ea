"""Batches by tokens, for any number of devices, smaller where memory is full."""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from encoders.base import FloatArray
from encoders.models.devices import is_out_of_memory
from encoders.models.language_model import Replica
from encoders.models.reading import Tokens
from kg.errors import InputError

FEWEST_TEXTS = 32  # that are worth a batch of their own on another device

_log = logging.getLogger(__name__)

Work = tuple[int, Tokens]  # row of the result, tokens of the text
Keep = Callable[[Sequence[Work], FloatArray], None]


@dataclass
class Budget:
    """Tokens of a batch, padding included; halved where memory was full, and it stays so."""

    tokens: int
    halved: bool = False

    def halve(self, failed: int, where: object) -> None:
        """Lower the budget below what a batch of `failed` tokens needed."""
        self.tokens = min(self.tokens, max(1, failed // 2))
        if not self.halved:
            _log.warning(
                "%s: out of memory with a batch of %d tokens; going on with smaller ones",
                where,
                failed,
            )
        self.halved = True


def run_batches(
    work: Sequence[Work],
    replicas: Sequence[Replica],
    budget: Budget,
    keep: Keep,
    *,
    dim: int | None = None,
) -> None:
    """Run all texts through the replicas, longest first: the time left then shrinks.

    Args:
        work: rows and their tokens, in any order.
        replicas: of one model; each takes the next batch when it has done with one.
        budget: tokens of a batch.
        keep: called with each batch and its vectors, from the thread of the replica that made them,
            by one thread at a time.
        dim: length of a vector, if it is less than the model's own.

    Raises:
        InputError: there is no memory for even one text.
    """
    todo = sorted(work, key=lambda pair: -len(pair[1]["input_ids"]))
    queue = _Queue(todo, budget, len(replicas))
    if len(replicas) == 1:
        _work(queue, replicas[0], keep, dim)
        return
    with ThreadPoolExecutor(len(replicas), thread_name_prefix="encode") as pool:
        running = [pool.submit(_work, queue, replica, keep, dim) for replica in replicas]
    for future in running:
        future.result()


class _Queue:
    """What is still to be done, taken in batches by several threads."""

    def __init__(self, todo: Sequence[Work], budget: Budget, takers: int) -> None:
        self.budget = budget
        self.lock = threading.Lock()
        self._todo, self._takers, self._start = todo, takers, 0

    def take(self) -> Sequence[Work]:
        with self.lock:
            left = len(self._todo) - self._start
            if left <= 0:
                return ()
            size = max(1, self.budget.tokens // _length(self._todo[self._start]))
            if self._takers > 1:  # nobody shall wait for the last batch of another
                size = min(size, max(FEWEST_TEXTS, -(-left // self._takers)))
            batch = self._todo[self._start : self._start + size]
            self._start += size
            return batch

    def close(self) -> None:
        with self.lock:
            self._start = len(self._todo)


def _work(queue: _Queue, replica: Replica, keep: Keep, dim: int | None) -> None:
    """Take batches until there are none; the rows of one are fetched while the next is made."""
    waiting: list[tuple[Sequence[Work], Callable[[], FloatArray]]] = []

    def fetch() -> None:
        for batch, wait in waiting:
            vectors = wait()
            with queue.lock:
                keep(batch, vectors)
        waiting.clear()

    try:
        while batch := queue.take():
            started = _start(queue, replica, batch, dim)
            fetch()
            waiting += started
        fetch()
    except BaseException:
        queue.close()  # the others need not go on
        raise


def _start(
    queue: _Queue, replica: Replica, batch: Sequence[Work], dim: int | None
) -> list[tuple[Sequence[Work], Callable[[], FloatArray]]]:
    try:
        return [(batch, replica.start([tokens for _, tokens in batch], dim))]
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    # Outside of the handler: what the error holds on to is what filled the memory.
    replica.free()
    if len(batch) == 1:
        raise InputError(
            f"{replica.device} has no memory for one text of {_length(batch[0])} tokens: "
            "lower max_length, or use a smaller model or another device"
        )
    with queue.lock:
        queue.budget.halve(len(batch) * _length(batch[0]), replica.device)
    middle = len(batch) // 2
    first = _start(queue, replica, batch[:middle], dim)
    return first + _start(queue, replica, batch[middle:], dim)


def _length(work: Work) -> int:
    return len(work[1]["input_ids"])
