import logging
import os
import time
from pathlib import Path

import numpy as np
import pytest

import encoders.cache.merge
from encoders.cache.cached import CachedEncoder
from encoders.cache.folder import list_cache
from encoders.cache.merge import merge
from encoders.cache.shards import STORAGES, Storage
from encoders.models.hashing import HashingEncoder

TEXTS = [f"text {number}" for number in range(40)]


class Silent(HashingEncoder):
    """Must not be asked."""

    def encode(self, texts: object) -> np.ndarray:
        raise AssertionError(f"{texts} are not in the cache")


def fill(folder: Path, storage: Storage = "float32") -> np.ndarray:
    """Write ten files; a second writer has half of the texts too."""
    cached = CachedEncoder(HashingEncoder(dim=16), folder, storage=storage, shard_texts=8)
    vectors = cached.encode(TEXTS)
    for shard in list(folder.rglob("*.parquet"))[:5]:
        (shard.parent / f"{os.urandom(16).hex()}.parquet").write_bytes(shard.read_bytes())
    return vectors


def read(folder: Path, storage: Storage = "float32") -> np.ndarray:
    return CachedEncoder(Silent(dim=16), folder, storage=storage).encode(TEXTS)


@pytest.mark.parametrize("storage", STORAGES)
def test_one_file_holds_what_many_held(tmp_path: Path, storage: Storage) -> None:
    vectors = fill(tmp_path, storage)
    assert list_cache(tmp_path)[0].texts == 60
    assert merge(tmp_path) == 14
    assert len(list(tmp_path.rglob("*.parquet"))) == 1
    assert list_cache(tmp_path)[0].texts == 40
    np.testing.assert_array_equal(read(tmp_path, storage), vectors)
    assert merge(tmp_path) == 0


def test_large_files_are_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = fill(tmp_path)
    (size, *_) = {path.stat().st_size for path in tmp_path.rglob("*.parquet")}
    monkeypatch.setattr(encoders.cache.merge, "MERGED_BYTES", 4 * size)
    merge(tmp_path)
    files = set(tmp_path.rglob("*.parquet"))
    assert 2 <= len(files) <= 8
    np.testing.assert_array_equal(read(tmp_path), vectors)
    monkeypatch.setattr(encoders.cache.merge, "MERGED_BYTES", 2)
    assert merge(tmp_path) == 0
    assert set(tmp_path.rglob("*.parquet")) == files


def test_damaged_file_is_left_to_the_reader(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    vectors = fill(tmp_path)
    shard, other = sorted(tmp_path.rglob("*.parquet"))[:2]
    shard.write_bytes(b"nothing")
    assert merge(tmp_path) == 13
    assert shard.exists()
    # A file whose bytes are wrong and whose end is right stops the merge and costs nothing.
    fill(tmp_path / "second")
    files = sorted((tmp_path / "second").rglob("*.parquet"))
    content = bytearray(files[3].read_bytes())
    content[len(content) // 3] ^= 1
    files[3].write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert merge(tmp_path / "second") == 0
    assert sorted((tmp_path / "second").rglob("*.parquet")) == files
    assert "not merged" in caplog.text
    assert not other.exists()
    cached = CachedEncoder(HashingEncoder(dim=16), tmp_path / "second")
    np.testing.assert_array_equal(cached.encode(TEXTS), vectors)


def test_files_of_writers_that_were_killed_go(tmp_path: Path) -> None:
    fill(tmp_path)
    (entry,) = tmp_path.iterdir()
    names = [f".{'a' * 32}.parquet.x1_", f".{'b' * 32}.parquet.x2_", ".mine.parquet.x"]
    for name in names:
        (entry / name).write_text("half")
    long_ago = time.time() - 90_000
    for name in (names[0], names[2]):
        os.utime(entry / name, (long_ago, long_ago))
    merge(tmp_path)
    assert [(entry / name).exists() for name in names] == [False, True, True]
