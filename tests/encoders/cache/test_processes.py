"""What processes do to a cache when they are killed, and when there are several of them."""

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from encoders.base import FloatArray
from encoders.cache.cached import CachedEncoder
from encoders.cache.folder import list_cache
from encoders.cache.merge import merge
from encoders.models.hashing import HashingEncoder

SHARD_TEXTS = 20

# Encodes texts first .. last in calls of `step`, a few at a time so that it can be killed anywhere,
# and says how many it has encoded. With `merging` it merges after every call.
WORKER = """
import sys, time
from pathlib import Path
from encoders.cache import cached as cache
from encoders.cache.merge import merge
from encoders.models.hashing import HashingEncoder

folder, (first, last, step, shard, wait, merging) = Path(sys.argv[1]), map(int, sys.argv[2:])

class Slow(HashingEncoder):
    done = 0
    def encode(self, texts):
        vectors = super().encode(texts)
        time.sleep(wait / 1_000_000)
        self.done += len(texts)
        print(self.done, flush=True)
        return vectors

cache.PIECE_TEXTS = 3
encoder = cache.CachedEncoder(Slow(dim=16), folder, shard_texts=shard)
for start in range(first, last, step):
    encoder.encode([f"text {number}" for number in range(start, min(last, start + step))])
    if merging:
        merge(folder)
"""


class Counting(HashingEncoder):
    """Keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(dim=16)
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> FloatArray:
        self.encoded += texts
        return super().encode(texts)


def start(folder: Path, *numbers: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(folder), *map(str, numbers)],
        cwd=Path(__file__).parents[3],
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        text=True,
    )


def all_texts(stop: int) -> list[str]:
    return [f"text {number}" for number in range(stop)]


def assert_right(folder: Path, texts: list[str]) -> Counting:
    """Read the whole cache, and check every vector; return what had to be encoded again."""
    encoder = Counting()
    vectors = CachedEncoder(encoder, folder).encode(texts)
    np.testing.assert_array_equal(vectors, HashingEncoder(dim=16).encode(texts))
    return encoder


@pytest.mark.parametrize("merging", [0, 1])
def test_killed_at_any_moment_it_loses_one_shard_at_most(tmp_path: Path, merging: int) -> None:
    moments, texts, kept = random.Random(merging), all_texts(1_500), 0
    for kill in range(3):
        process = start(tmp_path / "cache", 0, 1_500, 75, SHARD_TEXTS, 300, merging)
        assert process.stdout is not None
        goal, encoded = moments.randrange(1, 400), 0
        while encoded < goal and (line := process.stdout.readline()):
            encoded = int(line)
        process.send_signal(signal.SIGKILL)
        lines = process.stdout.read().split()  # what it said before it was gone
        encoded = int(lines[-1]) if lines else encoded
        process.stdout.close()
        assert process.wait() == -signal.SIGKILL
        # A copy, because reading encodes what is missing.
        shutil.copytree(tmp_path / "cache", tmp_path / f"copy {kill}")
        missing = assert_right(tmp_path / f"copy {kill}", texts).encoded
        assert len(missing) <= 1_500 - kept - encoded + SHARD_TEXTS
        kept = 1_500 - len(missing)
    assert kept > 3 * SHARD_TEXTS
    assert_right(tmp_path / "cache", texts)
    assert assert_right(tmp_path / "cache", texts).encoded == []


def test_writers_and_mergers_at_once_on_overlapping_texts(tmp_path: Path) -> None:
    processes = [
        start(tmp_path, first, first + 400, 50, 16, 0, merging)
        for first, merging in ((0, 0), (200, 1), (100, 1))
    ]
    # and a reader among them
    while any(process.poll() is None for process in processes):
        sample = [f"text {number}" for number in range(0, 600, 7)]
        expected = HashingEncoder(dim=16).encode(sample)
        found = CachedEncoder(HashingEncoder(dim=16), tmp_path).encode(sample)
        np.testing.assert_array_equal(found, expected)
    for process in processes:
        assert process.stdout is not None
        process.stdout.close()
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert assert_right(tmp_path, all_texts(600)).encoded == []
    merge(tmp_path)
    assert len(list(tmp_path.rglob("*.parquet"))) == 1
    assert list_cache(tmp_path)[0].texts == 600
    assert assert_right(tmp_path, all_texts(600)).encoded == []
