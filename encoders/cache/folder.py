"""The cache as a folder: what it holds, and making room in it."""

import contextlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from encoders.cache.shards import STORAGES, SUFFIX, DamagedShardError, Storage, open_shard
from kg.errors import ArtefactError, InputError
from kg.files import read_json, write_json

ABOUT, USED = "about.json", "used"
_NAME = re.compile(rf"(?P<fingerprint>[0-9a-f]{{32}})-(?P<storage>{'|'.join(STORAGES)})")
_SHARD = re.compile(rf"[0-9a-f]{{32}}{re.escape(SUFFIX)}")
_ASIDE = re.compile(rf"\.([0-9a-f]{{32}}{re.escape(SUFFIX)}|{re.escape(ABOUT)})\.\w+")


@dataclass(frozen=True, kw_only=True)
class CacheEntry:
    """The vectors of one encoder in one precision.

    Attributes:
        fingerprint: of the encoder; its first 32 digits where the rest is not known.
        encoder: name of the encoder, for people.
        storage: precision of the vectors.
        texts: vectors in the files.
        bytes: size of the files.
        last_used: when an `encode` last looked into it.
        path: its folder.
    """

    fingerprint: str
    encoder: str
    storage: Storage
    texts: int
    bytes: int
    last_used: datetime
    path: Path


def entry_folder(cache: Path, fingerprint: str, storage: Storage) -> Path:
    """Return where the vectors of an encoder lie: precisions never mix."""
    return cache / f"{fingerprint[:32]}-{storage}"


def mark_used(entry: Path, fingerprint: str, encoder: str) -> None:
    """Note that the vectors of an encoder were looked at now, and whose they are."""
    if not entry.is_dir():
        return
    with contextlib.suppress(OSError):  # a cache that one may only read serves all the same
        (entry / USED).touch()
        if not (entry / ABOUT).is_file():
            write_json(entry / ABOUT, {"fingerprint": fingerprint, "encoder": encoder})


def shard_files(entry: Path) -> list[Path]:
    """Return the files of an entry that hold vectors, by name."""
    return [path for path in own_files(entry) if _SHARD.fullmatch(path.name)]


def own_files(entry: Path) -> list[Path]:
    """Return everything in an entry that the cache wrote, by name; no links."""
    if not entry.is_dir():
        return []
    return sorted(
        path
        for path in entry.iterdir()
        if (path.name in (ABOUT, USED) or _SHARD.fullmatch(path.name) or is_aside(path))
        and path.is_file()
        and not path.is_symlink()
    )


def is_aside(path: Path) -> bool:
    """Whether a file has the name of one that is being written."""
    return _ASIDE.fullmatch(path.name) is not None


def list_cache(folder: Path) -> list[CacheEntry]:
    """Return what a cache holds, the last used first."""
    folder = folder.expanduser()
    entries = [_entry(path) for path in entry_folders(folder)]
    return sorted(entries, key=lambda entry: (entry.last_used, entry.path), reverse=True)


def prune(
    folder: Path,
    *,
    older_than_days: float | None = None,
    max_bytes: int | None = None,
    fingerprint: str | None = None,
    everything: bool = False,
) -> list[CacheEntry]:
    """Remove entries that any of the conditions names, and return them.

    Nothing is removed but what the cache wrote: other files stay, links are not followed.

    Args:
        folder: the cache.
        older_than_days: entries not used for so long.
        max_bytes: the longest unused, until the rest is no larger than this.
        fingerprint: entries whose fingerprint starts so.
        everything: all.

    Raises:
        InputError: no condition, or one that makes no sense.
    """
    if older_than_days is None and max_bytes is None and not fingerprint and not everything:
        raise InputError("say what to remove: older_than_days, max_bytes, fingerprint, everything")
    if (older_than_days or 0) < 0 or (max_bytes or 0) < 0:
        raise InputError("older_than_days and max_bytes must not be negative")
    now, kept_bytes, removed = datetime.now(UTC), 0, []
    for entry in list_cache(folder):
        unused_days = (now - entry.last_used) / timedelta(days=1)
        if (
            everything
            or (fingerprint and entry.fingerprint.startswith(fingerprint))
            or (older_than_days is not None and unused_days > older_than_days)
            or (max_bytes is not None and kept_bytes + entry.bytes > max_bytes)
        ):
            _remove(entry.path)
            removed.append(entry)
        else:
            kept_bytes += entry.bytes
    return removed


def entry_folders(cache: Path) -> list[Path]:
    """Return the folders in `cache` that have the name of an entry; no links."""
    if not cache.is_dir():
        return []
    return sorted(
        path
        for path in cache.iterdir()
        if _NAME.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
    )


def _entry(path: Path) -> CacheEntry:
    match = _NAME.fullmatch(path.name)
    assert match is not None
    about: object = None
    with contextlib.suppress(ArtefactError, OSError):
        about = read_json(path / ABOUT)
    told = about if isinstance(about, dict) else {}
    fingerprint = str(told.get("fingerprint", ""))
    texts = 0
    for file in shard_files(path):
        with contextlib.suppress(DamagedShardError, OSError), open_shard(file) as shard:
            texts += shard.num_texts
    times = [modified(file) for file in (path / USED, path)]
    return CacheEntry(
        fingerprint=(
            fingerprint if fingerprint.startswith(match["fingerprint"]) else match["fingerprint"]
        ),
        encoder=str(told.get("encoder", "unknown")),
        storage=next(storage for storage in STORAGES if storage == match["storage"]),
        texts=texts,
        bytes=sum(size(file) for file in own_files(path)),
        last_used=datetime.fromtimestamp(next((t for t in times if t), 0), UTC),
        path=path,
    )


def _remove(entry: Path) -> None:
    for path in own_files(entry):
        with contextlib.suppress(FileNotFoundError):  # merged or removed meanwhile
            path.unlink()
    with contextlib.suppress(OSError):  # it holds what the cache did not write
        entry.rmdir()


def size(path: Path) -> int:
    """Return the bytes of a file, 0 if it was removed."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def modified(path: Path) -> float:
    """Return when a file was last written, 0 if it was removed."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
