import asyncio
import threading

import pytest

from queries.serving.pool import Pool
from queries.serving.problems import Busy


def test_work_is_bounded_and_what_was_given_up_counts_until_it_ends():
    go_on = threading.Event()

    async def ask():
        pool = Pool(threads=1, queue=2)
        running = asyncio.create_task(pool.run(go_on.wait, 5))
        waiting = asyncio.create_task(pool.run(lambda: "done"))
        await asyncio.sleep(0.01)
        with pytest.raises(Busy):
            await pool.run(lambda: "too many")
        running.cancel()  # its thread goes on
        await asyncio.sleep(0.01)
        assert pool.pending == 2
        with pytest.raises(Busy):
            await pool.run(lambda: "too many")
        go_on.set()
        assert await waiting == "done"
        await asyncio.sleep(0.01)
        assert pool.pending == 0
        assert await pool.run(lambda one, two: one + two, 1, two=2) == 3
        pool.close()

    asyncio.run(ask())


def test_an_error_of_the_work_is_raised():
    async def ask():
        pool = Pool(threads=1, queue=1)
        with pytest.raises(ZeroDivisionError):
            await pool.run(lambda: 1 // 0)
        pool.close()

    asyncio.run(ask())
