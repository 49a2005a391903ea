"""Questions of one user that arrive together are ranked together."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from queries.serving.problems import Busy

Key = TypeVar("Key", bound=Hashable)
Ask = TypeVar("Ask")
Answer = TypeVar("Answer")


class Gatherer(Generic[Key, Ask, Answer]):
    """Joins questions that differ in nothing but who asks.

    Nothing waits for company: the first question is computed at once, and what arrives meanwhile
    goes together when it has ended. So a batch is as large as the load makes it, and a question
    that comes alone is as quick as if there were no batches.

    Args:
        compute: answers many questions of one key; a coroutine.
        most: questions in one batch.
        queue: questions that may wait.
    """

    def __init__(
        self,
        compute: Callable[[Key, Sequence[Ask]], Awaitable[Sequence[Answer]]],
        *,
        most: int,
        queue: int,
    ) -> None:
        self._compute, self._most, self._queue = compute, most, queue
        self._waiting: dict[Key, list[tuple[Ask, asyncio.Future[Answer]]]] = {}
        self._running: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """How many questions wait for a batch."""
        return sum(map(len, self._waiting.values()))

    async def ask(self, key: Key, question: Ask) -> Answer:
        """Return the answer to one question.

        Raises:
            Busy: too many wait.
        """
        if self.waiting >= self._queue:
            raise Busy
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        line = self._waiting.get(key)
        if line is None:
            self._waiting[key] = [(question, future)]
            task = asyncio.create_task(self._work(key))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        else:
            line.append((question, future))
        return await future

    async def _work(self, key: Key) -> None:
        """Answer what waits under a key until nothing does."""
        while True:
            line = self._waiting[key]
            batch, self._waiting[key] = line[: self._most], line[self._most :]
            batch = [(question, future) for question, future in batch if not future.done()]
            if not batch:
                if self._waiting[key]:
                    continue
                del self._waiting[key]
                return
            try:
                answers = await self._compute(key, [question for question, _ in batch])
            except Exception as problem:  # it is theirs who asked
                for _, future in batch:
                    if not future.done():
                        future.set_exception(problem)
                continue
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
