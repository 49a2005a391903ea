"""Vectors on disk by content: a text is encoded once by the same encoder, in any run."""

import contextlib
import hashlib
import logging
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from encoders.base import FloatArray, TextEncoder
from kg.files import write_file
from kg.progress import progress

SHARD_TEXTS = 10_000  # what an interruption can lose, and what is held beside the result
PIECE_TEXTS = 1_024  # encoded between two steps of the bar
BAR_FROM = 2_048  # texts; a shorter call shows no bar

_log = logging.getLogger(__name__)


class CachedEncoder:
    """Encodes with another encoder what a folder does not hold yet, and keeps it there.

    `folder/<fingerprint>/` holds Parquet shards of sha256 of text -> vector. Every writer makes
    shards of its own, under names that are never used twice, and readers take all that are there:
    processes may share a folder without locks. A shard that cannot be read is removed, and its
    texts are encoded again.

    Args:
        encoder: what encodes.
        folder: the cache, of any number of encoders; made when it is first written.
        shard_texts: texts of a shard.
    """

    def __init__(
        self, encoder: TextEncoder, folder: Path, *, shard_texts: int = SHARD_TEXTS
    ) -> None:
        self.encoder = encoder
        self.folder = folder.expanduser()
        self._shard_texts = shard_texts

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self.encoder.dim

    @property
    def fingerprint(self) -> str:
        """That of the encoder: a cached vector is no other vector."""
        return self.encoder.fingerprint

    @property
    def fitted(self) -> bool:
        """Whether the encoder can encode; true of those that need no fitting."""
        return bool(getattr(self.encoder, "fitted", True))

    def fit(self, texts: Sequence[str]) -> None:
        """Fit the encoder."""
        encoder: Any = self.encoder
        encoder.fit(texts)

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return one row per text, `[len(texts), dim]`; the row of an empty text is zero."""
        if not self.fitted:
            return self.encoder.encode(texts)  # which says what is wrong
        distinct: dict[str, int] = {}
        rows = [distinct.setdefault(text.strip(), len(distinct)) for text in texts]
        vectors: FloatArray = np.zeros((len(distinct), self.dim), dtype=np.float32)
        missing = {_key(text): row for text, row in distinct.items() if text}
        for key, vector in self._stored(missing):
            vectors[missing.pop(key)] = vector
        if missing:
            by_row = list(distinct)
            self._encode_missing({row: by_row[row] for row in missing.values()}, vectors)
        return vectors[rows]

    def _encode_missing(self, missing: dict[int, str], vectors: FloatArray) -> None:
        """Encode `missing` (row -> text) into `vectors`, a shard at a time."""
        # Longest first: pieces then hold texts of similar length, and the time left only shrinks.
        todo = sorted(missing, key=lambda row: -len(missing[row]))
        with progress("encode", len(todo) if len(todo) >= BAR_FROM else None) as bar:
            start, done = time.perf_counter(), 0
            for shard in _pieces(todo, self._shard_texts):
                for piece in _pieces(shard, PIECE_TEXTS):
                    vectors[piece] = self.encoder.encode([missing[row] for row in piece])
                    done += len(piece)
                    speed = done / (time.perf_counter() - start)
                    bar.advance(len(piece), f"{speed:,.0f} texts/s")
                try:
                    self._write([_key(missing[row]) for row in shard], vectors[shard])
                except OSError as error:  # a full or read-only disk costs time, not the result
                    _log.warning("%s: not cached: %s", self._shards, error)

    @property
    def _shards(self) -> Path:
        return self.folder / self.fingerprint[:32]

    def _write(self, keys: list[bytes], vectors: FloatArray) -> None:
        flat = pa.array(vectors.ravel(), pa.float32())
        table = pa.table(
            {
                "key": pa.array(keys, pa.binary(32)),
                "vector": pa.FixedSizeListArray.from_arrays(flat, self.dim),
            }
        )
        with write_file(self._shards / f"{uuid.uuid4().hex}.parquet") as aside:
            # Floats hardly compress. Checksums: a flipped bit must not become a feature.
            pq.write_table(
                table, aside, compression="none", use_dictionary=False, write_page_checksum=True
            )

    def _stored(self, wanted: dict[bytes, int]) -> Iterator[tuple[bytes, FloatArray]]:
        """Yield key and vector of what is on disk among `wanted`, each once.

        One shard is held at a time, and its vectors are read only if one of them is wanted.
        """
        open_keys = set(wanted)
        for path in sorted(self._shards.glob("*.parquet")):
            if not open_keys:
                return
            try:
                found = self._read(path, open_keys)
            except (FileNotFoundError, PermissionError):  # removed, or kept, by someone else
                continue
            except (pa.ArrowException, OSError, KeyError, ValueError) as error:
                reason = str(error).strip().splitlines()[:1]
                _log.warning("%s is damaged, its texts are encoded again: %s", path, *reason)
                with contextlib.suppress(OSError):
                    path.unlink()
                continue
            for key, vector in found:
                open_keys.discard(key)
                yield key, vector

    def _read(self, path: Path, wanted: set[bytes]) -> list[tuple[bytes, FloatArray]]:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            keys: list[bytes] = file.read(columns=["key"])["key"].to_pylist()
            rows = [row for row, key in enumerate(keys) if key in wanted]
            if not rows:
                return []
            column = file.read(columns=["vector"])["vector"].combine_chunks()
        flat: FloatArray = column.flatten().to_numpy()
        vectors = flat.reshape(len(keys), self.dim)
        return [(keys[row], vectors[row]) for row in rows]


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _pieces(rows: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
