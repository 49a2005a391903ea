"""Many small files of the cache made into few."""

import contextlib
import logging
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from encoders.cache.folder import entry_folders, is_aside, modified, own_files, shard_files, size
from encoders.cache.keys import KeyArray, first_of_each
from encoders.cache.shards import (
    GROUP_TEXTS,
    SUFFIX,
    DamagedShardError,
    open_shard,
    write_shards,
)

MERGED_BYTES = 128 * 2**20  # of a merged file; what damage to one file can cost
MANY_FILES = 64  # small ones, after which an `encode` merges them
LEFT_BEHIND = 86_400  # seconds; a file that was being written then never will be

_log = logging.getLogger(__name__)


def merge(folder: Path) -> int:
    """Make few large files of many small ones in every entry; return by how many there are fewer.

    Others may read and write meanwhile: a merged file is there before the small ones go.
    """
    entries = entry_folders(folder.expanduser())
    return sum(merge_entry(entry, more_than=1) for entry in entries)


def merge_entry(entry: Path, *, more_than: int = MANY_FILES) -> int:
    """Merge the small files of one entry where there are more than so many of them."""
    for path in _left_behind(entry):
        with contextlib.suppress(OSError):
            path.unlink()
    sizes = {path: size(path) for path in shard_files(entry)}
    sizes = {path: some for path, some in sizes.items() if some < MERGED_BYTES // 2}
    if len(sizes) <= more_than:
        return 0
    fewer, batch, batch_bytes = 0, [], 0
    for number, (path, some) in enumerate(sizes.items(), start=1):
        batch.append(path)
        batch_bytes += some
        if batch_bytes >= MERGED_BYTES or number == len(sizes):
            fewer += _merge_files(entry, batch)
            batch, batch_bytes = [], 0
    return fewer


def _merge_files(entry: Path, paths: list[Path]) -> int:
    keys: dict[Path, KeyArray] = {}
    schema = None
    for path in paths:
        # One that is gone was merged by someone else; one that is damaged is for the reader.
        with contextlib.suppress(DamagedShardError, OSError), open_shard(path) as shard:
            schema = schema or shard.schema
            if shard.num_groups and shard.schema.equals(schema, check_metadata=True):
                keys[path] = np.concatenate([shard.keys(g) for g in range(shard.num_groups)])
    if len(keys) < 2:
        return 0
    try:
        with write_shards(entry / f"{uuid.uuid4().hex}{SUFFIX}", schema) as writer:
            _copy_once(keys, writer)
    except (DamagedShardError, OSError) as error:
        _log.warning("%s: not merged: %s", entry, error)
        return 0
    for path in keys:
        with contextlib.suppress(OSError):
            path.unlink()
    return len(keys) - 1


def _copy_once(keys: dict[Path, KeyArray], writer: Any) -> None:
    """Write every key of the files once, with the first vector it has, as stored."""
    is_first = first_of_each(np.concatenate(list(keys.values())))
    held, num_held, start = [], 0, 0
    for path in keys:
        with open_shard(path) as shard:
            for group in range(shard.num_groups):
                table = shard.table(group)
                kept = is_first[start : start + len(table)]
                start += len(table)
                held.append(table if kept.all() else table.filter(pa.array(kept)))
                num_held += len(held[-1])
                if num_held >= GROUP_TEXTS:
                    writer.write_table(pa.concat_tables(held), GROUP_TEXTS)
                    held, num_held = [], 0
    if num_held:
        writer.write_table(pa.concat_tables(held), GROUP_TEXTS)


def _left_behind(entry: Path) -> list[Path]:
    before = time.time() - LEFT_BEHIND
    return [p for p in own_files(entry) if is_aside(p) and 0 < modified(p) < before]
