import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from encoders.cache.cached import CachedEncoder
from encoders.cache.folder import list_cache, prune
from encoders.models.hashing import HashingEncoder
from kg.errors import InputError

DAY = 86_400


def fill(folder: Path, dim: int, days_ago: float = 0, num: int = 10, **options: str) -> Path:
    """Cache some texts, and return the folder in which they lie."""
    before = set(folder.iterdir()) if folder.is_dir() else set()
    encoder = CachedEncoder(HashingEncoder(dim=dim), folder, **options)  # type: ignore[arg-type]
    encoder.encode([f"text {number}" for number in range(num)])
    (entry,) = set(folder.iterdir()) - before
    then = time.time() - days_ago * DAY
    os.utime(entry / "used", (then, then))
    return entry


def test_listing(tmp_path: Path) -> None:
    fill(tmp_path, 8, days_ago=3)
    entry = fill(tmp_path, 16, num=20, storage="int8", name="minilm")
    first, second = list_cache(tmp_path)
    assert (first.encoder, first.storage, first.texts) == ("minilm", "int8", 20)
    assert first.fingerprint == HashingEncoder(dim=16).fingerprint
    assert first.path == entry
    assert first.bytes == sum(file.stat().st_size for file in entry.iterdir())
    assert (second.encoder, second.storage, second.texts) == ("HashingEncoder", "float32", 10)
    age = datetime.now(UTC) - second.last_used
    assert timedelta(days=2.9) < age < timedelta(days=3.1)


def test_reading_is_use(tmp_path: Path) -> None:
    fill(tmp_path, 8, days_ago=3)
    CachedEncoder(HashingEncoder(dim=8), tmp_path).encode(["text 1"])
    assert datetime.now(UTC) - list_cache(tmp_path)[0].last_used < timedelta(minutes=5)


def test_listing_does_without_what_describes_an_entry(tmp_path: Path) -> None:
    entry = fill(tmp_path, 8)
    (entry / "about.json").write_text("[")
    (entry / "used").unlink()
    (found,) = list_cache(tmp_path)
    assert (found.encoder, found.texts) == ("unknown", 10)
    assert found.fingerprint == HashingEncoder(dim=8).fingerprint[:32]


def test_no_cache(tmp_path: Path) -> None:
    assert list_cache(tmp_path / "none") == []
    assert prune(tmp_path / "none", everything=True) == []


def test_prune_by_age(tmp_path: Path) -> None:
    old, new = fill(tmp_path, 8, days_ago=3), fill(tmp_path, 16, days_ago=1)
    assert [entry.path for entry in prune(tmp_path, older_than_days=2)] == [old]
    assert list(tmp_path.iterdir()) == [new]


def test_prune_by_size_removes_the_longest_unused(tmp_path: Path) -> None:
    fill(tmp_path, 8, days_ago=3)
    middle, new = fill(tmp_path, 16, days_ago=2), fill(tmp_path, 24, days_ago=1)
    sizes = {entry.path: entry.bytes for entry in list_cache(tmp_path)}
    prune(tmp_path, max_bytes=sizes[new] + sizes[middle])
    assert set(tmp_path.iterdir()) == {middle, new}
    prune(tmp_path, max_bytes=sizes[new] + sizes[middle] - 1)
    assert set(tmp_path.iterdir()) == {new}
    prune(tmp_path, max_bytes=0)
    assert list(tmp_path.iterdir()) == []


def test_prune_by_fingerprint(tmp_path: Path) -> None:
    fill(tmp_path, 8)
    kept = fill(tmp_path, 16)
    removed = prune(tmp_path, fingerprint=HashingEncoder(dim=8).fingerprint[:12])
    assert [entry.fingerprint for entry in removed] == [HashingEncoder(dim=8).fingerprint]
    assert list(tmp_path.iterdir()) == [kept]


def test_only_what_the_cache_wrote_is_removed(tmp_path: Path) -> None:
    cache, outside = tmp_path / "cache", tmp_path / "outside"
    entry = fill(cache, 8)
    foreign_entry = fill(outside, 16)
    (shard,) = entry.glob("*.parquet")
    (entry / f".{shard.name}.abc_123").write_text("half")
    kept = [
        entry / "notes.txt",
        entry / "mine.parquet",
        cache / "notes.txt",
        cache / "other" / "file",
        cache / ("0" * 32) / "file",
        cache / f"{'0' * 32}-float32x" / "file",
    ]
    for path in kept:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    kept.append(entry / f"{'a' * 32}.parquet")
    kept[-1].symlink_to(tmp_path / "outside" / "target.parquet")
    (outside / "target.parquet").write_text("mine")
    (cache / foreign_entry.name).symlink_to(foreign_entry, target_is_directory=True)

    outside_before = sorted(outside.rglob("*"))
    assert [found.path for found in prune(cache, everything=True)] == [entry]
    assert all(path.exists() for path in kept)
    assert sorted(entry.iterdir()) == sorted(path for path in kept if path.parent == entry)
    assert sorted(outside.rglob("*")) == outside_before


@pytest.mark.parametrize(
    "conditions",
    [{}, {"fingerprint": ""}, {"older_than_days": -1}, {"max_bytes": -1, "everything": True}],
)
def test_conditions_that_make_no_sense(tmp_path: Path, conditions: dict[str, object]) -> None:
    fill(tmp_path, 8)
    with pytest.raises(InputError):
        prune(tmp_path, **conditions)  # type: ignore[arg-type]
    assert len(list_cache(tmp_path)) == 1
