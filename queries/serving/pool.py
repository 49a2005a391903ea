"""Threads that compute, and no more work than they can get through."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from queries.serving.problems import Busy

P = ParamSpec("P")
T = TypeVar("T")


class Pool:
    """A bounded pool of threads.

    What was given up still counts until it has ended: a thread cannot be stopped.

    Args:
        threads: how many compute at a time.
        queue: how much may be computed or wait at a time.
    """

    def __init__(self, threads: int, queue: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="answer")
        self._queue = queue
        self.pending = 0  # changed by the event loop alone

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return `work(*args, **kwargs)`, computed by a thread.

        Raises:
            Busy: too much waits.
        """
        if self.pending >= self._queue:
            raise Busy
        loop = asyncio.get_running_loop()
        future = self._executor.submit(work, *args, **kwargs)
        self.pending += 1
        future.add_done_callback(lambda _: self._ended(loop))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Let threads end what they compute, and drop what waits."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _ended(self, loop: asyncio.AbstractEventLoop) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._left)

    def _left(self) -> None:
        self.pending -= 1
