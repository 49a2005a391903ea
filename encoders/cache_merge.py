"""Many small files of the cache made into few."""

import contextlib
import logging
import time
import uuid
from pathlib import Path

import numpy as np
import pyarrow as pa

from encoders.cache_folder import entry_folders, is_aside, modified, own_files, shard_files, size
from encoders.cache_keys import first_of_each
from encoders.cache_shards import (
    GROUP_TEXTS,
    SUFFIX,
    DamagedShardError,
    Shard,
    open_shard,
    write_shards,
)

MERGED_BYTES = 128 * 2**20  # of a merged file; what damage to one file can cost
MERGED_FILES = 256  # into one; they are open at the same time
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
        if batch_bytes >= MERGED_BYTES or len(batch) == MERGED_FILES or number == len(sizes):
            fewer += _merge_files(entry, batch)
            batch, batch_bytes = [], 0
    return fewer


def _merge_files(entry: Path, paths: list[Path]) -> int:
    if len(paths) < 2:
        return 0
    with contextlib.ExitStack() as stack:
        opened: list[tuple[Path, Shard]] = []
        for path in paths:
            # One that is gone was merged by someone else; one that is damaged is for the reader.
            with contextlib.suppress(DamagedShardError, OSError):
                shard = stack.enter_context(open_shard(path))
                if not opened or shard.schema.equals(opened[0][1].schema, check_metadata=True):
                    opened.append((path, shard))
        if len(opened) < 2:
            return 0
        try:
            _copy_all([shard for _, shard in opened], entry / f"{uuid.uuid4().hex}{SUFFIX}")
        except (DamagedShardError, OSError) as error:
            _log.warning("%s: not merged: %s", entry, error)
            return 0
    for path, _ in opened:
        with contextlib.suppress(OSError):
            path.unlink()
    return len(opened) - 1


def _copy_all(shards: list[Shard], to: Path) -> None:
    """Write every key of `shards` once, with the first vector it has, as stored."""
    places = [(shard, group) for shard in shards for group in range(shard.num_groups)]
    keys = [shard.keys(group) for shard, group in places]
    is_first = first_of_each(np.concatenate(keys))
    with write_shards(to, shards[0].schema) as writer:
        held, num_held, start = [], 0, 0
        for (shard, group), of_group in zip(places, keys, strict=True):
            kept = is_first[start : start + len(of_group)]
            start += len(of_group)
            held.append(shard.table(group).filter(pa.array(kept)))
            num_held += len(held[-1])
            if num_held >= GROUP_TEXTS:
                writer.write_table(pa.concat_tables(held), GROUP_TEXTS)
                held, num_held = [], 0
        if num_held:
            writer.write_table(pa.concat_tables(held), GROUP_TEXTS)


def _left_behind(entry: Path) -> list[Path]:
    before = time.time() - LEFT_BEHIND
    return [p for p in own_files(entry) if is_aside(p) and 0 < modified(p) < before]
