"""Vectors on disk by content: a text is encoded once by the same encoder, in any run."""

import contextlib
import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import tee
from pathlib import Path
from typing import Any

import numpy as np

from encoders.base import FloatArray, TextEncoder
from encoders.cache.folder import entry_folder, mark_used, shard_files
from encoders.cache.keys import KeyArray, RowArray, Wanted, keys_of
from encoders.cache.merge import merge_entry
from encoders.cache.shards import (
    STORAGES,
    DamagedShardError,
    Packed,
    Storage,
    open_shard,
    pack,
    unpack,
    write_shard,
)
from kg.errors import ConfigError, InputError
from kg.progress import progress

SHARD_TEXTS = 10_000
PIECE_TEXTS = 1_024  # encoded between two steps of the bar
BAR_FROM = 2_048  # texts; a shorter call shows no bar
COPIED_AT_ONCE = 8_192  # rows

_log = logging.getLogger(__name__)


class CachedEncoder:
    """Encodes with another encoder what a folder does not hold yet, and keeps it there.

    Every encoder and storage has a folder of its own in the cache, of Parquet files of sha256 of
    text -> vector. Every writer makes files of its own, under names that are never used twice, and
    readers take all that are there: processes may share a cache without locks. A file that cannot
    be read is removed, and its texts are encoded again. Vectors come back as they are stored, by
    the call that encodes them too. One that is not finite is returned and not stored.

    Args:
        encoder: what encodes.
        folder: the cache, of any number of encoders; made when it is first written.
        storage: "float32" (exact), "float16" or "int8" (with a scale for each vector): half and a
            quarter of the disk.
        name: of the encoder, for people who list the cache; its class by default.
        shard_texts: texts that an interruption can lose at most. Files hold half as many, because
            one is written while the next is encoded.

    Raises:
        ConfigError: no such storage.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        folder: Path,
        *,
        storage: Storage = "float32",
        name: str | None = None,
        shard_texts: int = SHARD_TEXTS,
    ) -> None:
        if storage not in STORAGES:
            raise ConfigError(f"storage = {storage!r}: expected {', '.join(STORAGES)}")
        self.encoder = encoder
        self.folder = folder.expanduser()
        self.storage: Storage = storage
        self.name = type(encoder).__name__ if name is None else name
        self._file_texts = max(1, shard_texts // 2)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self.encoder.dim

    @property
    def fingerprint(self) -> str:
        """That of the encoder, and of the storage where it rounds."""
        if self.storage == "float32":
            return self.encoder.fingerprint
        return f"{self.encoder.fingerprint}-{self.storage}"

    @property
    def fitted(self) -> bool:
        """Whether the encoder can encode; true of those that need no fitting."""
        return bool(getattr(self.encoder, "fitted", True))

    def fit(self, texts: Sequence[str]) -> None:
        """Fit the encoder."""
        encoder: Any = self.encoder
        encoder.fit(texts)

    def encode(self, texts: Sequence[str], *, out: FloatArray | None = None) -> FloatArray:
        """Return one row per text, `[len(texts), dim]`; the row of an empty text is zero.

        Beside the result, memory holds about a hundred bytes for each text and a few thousand
        vectors.

        Args:
            texts: what to encode.
            out: where to put the rows, such as an `np.memmap`; a new array by default.

        Raises:
            InputError: `out` has another shape or type.
        """
        if not self.fitted:
            return self.encoder.encode(texts)  # which says what is wrong
        shape = (len(texts), self.dim)
        if out is None:
            out = np.zeros(shape, dtype=np.float32)
        elif out.shape != shape or out.dtype != np.float32 or not out.flags.writeable:
            raise InputError(f"out must be a writeable float32 array of shape {list(shape)}")
        else:
            out[:] = 0
        wanted = Wanted(texts)
        if wanted.any_open:
            mark_used(self._entry, self.encoder.fingerprint, self.name)
            self._copy_stored(wanted, out)
        if wanted.any_open:
            self._encode_missing(texts, wanted.open_rows(), out)
            mark_used(self._entry, self.encoder.fingerprint, self.name)
            self._merge()
        repeats, firsts = wanted.repeats()
        for some in _pieces(len(repeats), COPIED_AT_ONCE):
            out[repeats[some]] = out[firsts[some]]
        return out

    @property
    def _entry(self) -> Path:
        return entry_folder(self.folder, self.encoder.fingerprint, self.storage)

    def _copy_stored(self, wanted: Wanted, out: FloatArray) -> None:
        """Copy what is on disk into `out`; no more than a group of rows is held at once."""
        seen: set[Path] = set()
        while paths := [path for path in shard_files(self._entry) if path not in seen]:
            seen.update(paths)
            gone = [path for path in paths if wanted.any_open and not self._copy(path, wanted, out)]
            if not gone:  # else they may have been merged into one that is not in the list
                return

    def _copy(self, path: Path, wanted: Wanted, out: FloatArray) -> bool:
        """Copy what one file has; return whether the file was there."""
        copied: list[RowArray] = []
        try:
            with open_shard(path, dim=self.dim, storage=self.storage) as shard:
                for group in range(shard.num_groups):
                    which, places = wanted.places(shard.keys(group))
                    if len(which):
                        out[wanted.rows(places)] = shard.vectors(group, which)
                        wanted.close(places)
                        copied.append(places)
        except FileNotFoundError:
            return False
        except PermissionError:  # kept by someone else
            pass
        except DamagedShardError as error:
            _log.warning("%s is damaged, its texts are encoded again: %s", path, error)
            for places in copied:
                wanted.reopen(places)
            with contextlib.suppress(OSError):
                path.unlink()
        return True

    def _encode_missing(self, texts: Sequence[str], rows: RowArray, out: FloatArray) -> None:
        """Encode the texts at `rows` into `out`; files are written beside it."""
        # Longest first: pieces then hold texts of similar length, and the time left only shrinks.
        lengths = np.fromiter((len(texts[row].strip()) for row in rows), np.int64, len(rows))
        rows = rows[np.argsort(-lengths, kind="stable")]
        writing: Future[None] | None = None
        with (
            ThreadPoolExecutor(1) as writer,
            progress("encode", len(rows) if len(rows) >= BAR_FROM else None) as bar,
        ):
            start, done = time.perf_counter(), 0
            files = list(_pieces(len(rows), self._file_texts))
            pieces = [p for file in files for p in _pieces(file.stop, PIECE_TEXTS, file.start)]
            encoded = self._encoded([texts[row].strip() for row in rows[p]] for p in pieces)
            try:
                for of_file in files:
                    keys, packed = [], []
                    for piece in _pieces(of_file.stop, PIECE_TEXTS, of_file.start):
                        some, vectors = next(encoded)
                        finite = np.isfinite(vectors).all(axis=1)
                        packed.append(pack(vectors[finite], self.storage))
                        keys.append(keys_of(some)[finite])
                        out[rows[piece][~finite]] = vectors[~finite]
                        out[rows[piece][finite]] = unpack(packed[-1])
                        done += len(some)
                        speed = done / (time.perf_counter() - start)
                        bar.advance(len(some), f"{speed:,.0f} texts/s")
                    self._settle(writing)
                    writing = writer.submit(self._write, keys, packed)
            finally:
                self._settle(writing)

    def _encoded(self, blocks: Iterator[list[str]]) -> Iterator[tuple[list[str], FloatArray]]:
        """Yield each block with its vectors; an encoder may take them all at once."""
        kept, given = tee(blocks)
        at_once = getattr(self.encoder, "encode_blocks", None)
        vectors = at_once(given) if at_once else map(self.encoder.encode, given)
        return zip(kept, vectors, strict=True)

    def _write(self, keys: list[KeyArray], packed: list[Packed]) -> None:
        scales = [part.scales for part in packed if part.scales is not None]
        whole = Packed(
            np.concatenate([part.codes for part in packed]),
            np.concatenate(scales) if scales else None,
        )
        if len(whole.codes):
            write_shard(self._entry, np.concatenate(keys), whole, self.storage)

    def _settle(self, writing: Future[None] | None) -> None:
        """Wait until a file is written; a full or read-only disk costs time, not the result."""
        try:
            if writing is not None:
                writing.result()
        except OSError as error:
            _log.warning("%s: not cached: %s", self._entry, error)

    def _merge(self) -> None:
        try:
            merge_entry(self._entry)
        except OSError as error:
            _log.warning("%s: not merged: %s", self._entry, error)


def _pieces(stop: int, size: int, start: int = 0) -> Iterator[slice]:
    for at in range(start, stop, size):
        yield slice(at, min(at + size, stop))
