import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from encoders.base import FloatArray
from encoders.cache import CachedEncoder
from encoders.hashing import HashingEncoder
from encoders.lsa import LsaEncoder
from kg.errors import InputError

TEXTS = [f"text number {i} of {'many ' * (i % 5)}" for i in range(23)]


class Counting(HashingEncoder):
    """Counts the texts it encodes, and stops after `allowed`."""

    def __init__(self, dim: int = 16, allowed: int = 1_000_000) -> None:
        super().__init__(dim=dim)
        self.encoded: list[str] = []
        self.allowed = allowed

    def encode(self, texts: Sequence[str]) -> FloatArray:
        if len(self.encoded) + len(texts) > self.allowed:
            raise KeyboardInterrupt
        self.encoded += texts
        return super().encode(texts)


def shards(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.parquet"))


def test_gives_what_the_encoder_gives(tmp_path: Path) -> None:
    expected = HashingEncoder(dim=16).encode(TEXTS)
    for _ in range(2):
        cached = CachedEncoder(HashingEncoder(dim=16), tmp_path, shard_texts=5)
        np.testing.assert_array_equal(cached.encode(TEXTS), expected)
    assert len(shards(tmp_path)) == 5


def test_second_run_encodes_nothing(tmp_path: Path) -> None:
    first, second = Counting(), Counting()
    vectors = CachedEncoder(first, tmp_path).encode(TEXTS)
    assert sorted(first.encoded) == sorted(text.strip() for text in TEXTS)
    np.testing.assert_array_equal(
        CachedEncoder(second, tmp_path).encode(TEXTS[::-1]), vectors[::-1]
    )
    assert second.encoded == []


def test_only_new_texts_are_encoded(tmp_path: Path) -> None:
    CachedEncoder(Counting(), tmp_path).encode(TEXTS)
    encoder = Counting()
    CachedEncoder(encoder, tmp_path).encode([*TEXTS, "new", "new", " new ", ""])
    assert encoder.encoded == ["new"]


def test_another_encoder_has_its_own_vectors(tmp_path: Path) -> None:
    CachedEncoder(Counting(dim=16), tmp_path).encode(TEXTS)
    other = Counting(dim=24)
    assert CachedEncoder(other, tmp_path).encode(TEXTS).shape == (23, 24)
    assert len(other.encoded) == 23


def test_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        CachedEncoder(Counting(allowed=12), tmp_path, shard_texts=5).encode(TEXTS)
    encoder = Counting()
    vectors = CachedEncoder(encoder, tmp_path, shard_texts=5).encode(TEXTS)
    assert len(encoder.encoded) == 23 - 10  # two whole shards were kept
    np.testing.assert_array_equal(vectors, HashingEncoder(dim=16).encode(TEXTS))


def truncate(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip_a_float(content: bytes) -> bytes:
    vector = HashingEncoder(dim=16).encode(TEXTS[3:4]).tobytes()
    at = content.index(vector)
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def empty(content: bytes) -> bytes:
    return content[:0]


@pytest.mark.parametrize("damage", [truncate, flip_a_float, empty])
def test_damaged_shard_is_encoded_again(
    tmp_path: Path, damage: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert callable(damage)
    CachedEncoder(Counting(), tmp_path).encode(TEXTS)
    (shard,) = shards(tmp_path)
    shard.write_bytes(damage(shard.read_bytes()))

    encoder = Counting()
    with caplog.at_level(logging.WARNING):
        vectors = CachedEncoder(encoder, tmp_path).encode(TEXTS)
    np.testing.assert_array_equal(vectors, HashingEncoder(dim=16).encode(TEXTS))
    assert len(encoder.encoded) == 23
    assert shard.name in caplog.text

    third = Counting()
    caplog.clear()
    CachedEncoder(third, tmp_path).encode(TEXTS)
    assert third.encoded == []
    assert caplog.text == ""


def test_shard_of_another_width_is_damaged(tmp_path: Path) -> None:
    narrow, wide = CachedEncoder(Counting(), tmp_path), CachedEncoder(Counting(dim=24), tmp_path)
    narrow.encode(TEXTS)
    (shard,) = shards(tmp_path)
    shard.rename(tmp_path / "moved")
    wide.encode(TEXTS[:1])
    (other,) = shards(tmp_path)
    (tmp_path / "moved").rename(other)
    vectors = CachedEncoder(Counting(dim=24), tmp_path).encode(TEXTS)
    np.testing.assert_array_equal(vectors, HashingEncoder(dim=24).encode(TEXTS))


def test_two_processes_share_a_folder(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from encoders.cache import CachedEncoder
from encoders.hashing import HashingEncoder
encoder = CachedEncoder(HashingEncoder(dim=16), Path(sys.argv[1]), shard_texts=7)
first = int(sys.argv[2])
for _ in range(3):
    encoder.encode([f"text {i}" for i in range(first, first + 200)])
"""
    root = Path(__file__).parents[2]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), first], cwd=root, env=dict(os.environ)
        )
        for first in ("0", "100")
    ]
    assert [process.wait() for process in processes] == [0, 0]
    texts = [f"text {i}" for i in range(300)]
    encoder = Counting()
    vectors = CachedEncoder(encoder, tmp_path).encode(texts)
    assert encoder.encoded == []
    np.testing.assert_array_equal(vectors, HashingEncoder(dim=16).encode(texts))


def test_folder_that_cannot_be_written_costs_only_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    vectors = CachedEncoder(Counting(), tmp_path / "file").encode(TEXTS)
    np.testing.assert_array_equal(vectors, HashingEncoder(dim=16).encode(TEXTS))
    assert "not cached" in caplog.text


def test_encoder_to_be_fitted(tmp_path: Path) -> None:
    cached = CachedEncoder(LsaEncoder(dim=4), tmp_path)
    assert not cached.fitted
    with pytest.raises(InputError, match="not fitted"):
        cached.encode(TEXTS)
    cached.fit(TEXTS)
    vectors = cached.encode(TEXTS)
    # The same setting fitted on other texts is another encoder.
    other = CachedEncoder(LsaEncoder(dim=4), tmp_path)
    other.fit([*TEXTS, "a whale", "a ship"])
    assert not np.array_equal(other.encode(TEXTS), vectors)
