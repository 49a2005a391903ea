import logging
import threading
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from encoders.models.batches import FEWEST_TEXTS, Budget, run_batches
from kg.errors import InputError


class FakeReplica:
    """Gives each text the vector (first token, length); has memory for `room` tokens."""

    def __init__(self, room: int = 10**9, meet: threading.Barrier | None = None) -> None:
        self.room, self.meet = room, meet
        self.device = torch.device("cpu")
        self.batches: list[list[int]] = []
        self.freed = 0

    def start(self, batch, dim=None):
        lengths = [len(tokens["input_ids"]) for tokens in batch]
        if self.meet is not None and not self.batches:
            self.meet.wait(timeout=20)
        if len(batch) * max(lengths) > self.room:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ...")
        self.batches.append(lengths)
        rows = np.array([[tokens["input_ids"][0], len(tokens["input_ids"])] for tokens in batch])
        return lambda: rows.astype(np.float32)

    def free(self) -> None:
        self.freed += 1


def _work(lengths: Sequence[int]):
    return [(row, {"input_ids": [row] * length}) for row, length in enumerate(lengths)]


def _run(lengths: Sequence[int], replicas, budget: Budget) -> None:
    found = np.full((len(lengths), 2), -1.0, dtype=np.float32)

    def keep(batch, vectors) -> None:
        found[[row for row, _ in batch]] = vectors

    run_batches(_work(lengths), replicas, budget, keep)
    expected = np.stack([np.arange(len(lengths)), lengths], axis=1)
    np.testing.assert_array_equal(found, expected)


LENGTHS = np.random.default_rng(0).integers(1, 50, 500).tolist()


def test_batches_keep_to_their_budget_longest_first() -> None:
    replica = FakeReplica()
    _run(LENGTHS, [replica], Budget(200))
    assert all(len(batch) * max(batch) <= 200 for batch in replica.batches)
    flat = [length for batch in replica.batches for length in batch]
    assert flat == sorted(LENGTHS, reverse=True)


def test_a_text_longer_than_the_budget_is_a_batch() -> None:
    replica = FakeReplica()
    _run([3, 40, 2], [replica], Budget(10))
    assert replica.batches == [[40], [3, 2]]


def test_no_texts() -> None:
    run_batches([], [FakeReplica(), FakeReplica()], Budget(10), lambda *_: None)


def test_full_memory_halves_the_budget_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    replica, budget = FakeReplica(room=130), Budget(1_000)
    with caplog.at_level(logging.WARNING):
        _run(LENGTHS, [replica], budget)
    assert 65 <= budget.tokens <= 130
    assert replica.freed > 1
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "out of memory" in caplog.text
    before = replica.freed
    _run(LENGTHS, [replica], budget)  # the smaller budget is remembered
    assert replica.freed == before


def test_no_memory_for_one_text() -> None:
    with pytest.raises(InputError, match=r"cpu has no memory for one text of 20 tokens"):
        _run([20, 1], [FakeReplica(room=10)], Budget(100))


def test_other_errors_are_not_swallowed() -> None:
    replica = FakeReplica()

    def fails(batch, dim=None):
        raise RuntimeError("shapes cannot be multiplied")

    replica.start = fails
    with pytest.raises(RuntimeError, match="shapes"):
        _run(LENGTHS, [replica, FakeReplica()], Budget(100))


def test_every_device_works() -> None:
    meet = threading.Barrier(2)  # passed only if both run at the same time
    replicas = [FakeReplica(meet=meet), FakeReplica(meet=meet)]
    _run(LENGTHS, replicas, Budget(10**6))
    assert all(len(replica.batches) >= 1 for replica in replicas)
    sizes = [len(batch) for replica in replicas for batch in replica.batches]
    assert max(sizes) <= len(LENGTHS) // 2
    assert sorted(sizes)[1] >= FEWEST_TEXTS // 2


def test_one_device_with_little_memory_does_not_stop_the_others() -> None:
    _run(LENGTHS, [FakeReplica(room=60), FakeReplica()], Budget(400))
