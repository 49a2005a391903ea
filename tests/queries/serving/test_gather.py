import asyncio

import pytest

from queries.serving.gather import Gatherer
from queries.serving.problems import Busy


def test_what_arrives_meanwhile_goes_together():
    batches = []

    async def compute(key, questions):
        batches.append((key, list(questions)))
        await asyncio.sleep(0.02)
        return [f"{key}{question}" for question in questions]

    async def ask():
        gatherer = Gatherer(compute, most=3, queue=10)
        first = asyncio.create_task(gatherer.ask("a", 0))
        await asyncio.sleep(0.005)
        rest = [asyncio.create_task(gatherer.ask("a", number)) for number in range(1, 6)]
        other = asyncio.create_task(gatherer.ask("b", 9))
        answers = await asyncio.gather(first, *rest, other)
        assert gatherer.waiting == 0
        return answers

    assert asyncio.run(ask()) == ["a0", "a1", "a2", "a3", "a4", "a5", "b9"]
    assert sorted(batches) == [("a", [0]), ("a", [1, 2, 3]), ("a", [4, 5]), ("b", [9])]


def test_a_failure_is_theirs_who_asked_and_who_left_is_not_asked_for():
    asked = []

    async def compute(key, questions):
        asked.extend(questions)
        await asyncio.sleep(0.01)
        if 0 in questions:
            raise ValueError("no")
        return questions

    async def ask():
        gatherer = Gatherer(compute, most=5, queue=10)
        first = asyncio.create_task(gatherer.ask("a", 0))
        await asyncio.sleep(0)
        left, stayed = (asyncio.create_task(gatherer.ask("a", number)) for number in (1, 2))
        await asyncio.sleep(0.002)
        left.cancel()
        with pytest.raises(ValueError, match="no"):
            await first
        return await stayed

    assert asyncio.run(ask()) == 2
    assert asked == [0, 2]


def test_too_many_are_told_to_come_back():
    async def ask():
        go_on = asyncio.Event()

        async def compute(key, questions):
            await go_on.wait()
            return questions

        gatherer = Gatherer(compute, most=1, queue=2)
        tasks = []
        for number in range(3):
            tasks.append(asyncio.create_task(gatherer.ask("a", number)))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert gatherer.waiting == 2
        with pytest.raises(Busy):
            await gatherer.ask("a", 3)
        go_on.set()
        assert await asyncio.gather(*tasks) == [0, 1, 2]

    asyncio.run(ask())
