"""One file of the cache: keys of texts and their vectors, in the precision that was asked for."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from encoders.base import FloatArray
from encoders.cache.keys import KEY_BYTES, KeyArray, RowArray
from kg.files import write_file

Storage = Literal["float32", "float16", "int8"]
STORAGES: tuple[Storage, ...] = ("float32", "float16", "int8")

SUFFIX = ".parquet"
GROUP_TEXTS = 8_192  # held at once where a file is read

# little-endian on every machine, as Parquet is
_CODES: dict[str, np.dtype[Any]] = {
    "float32": np.dtype("<f4"),
    "float16": np.dtype("<f2"),
    "int8": np.dtype("i1"),
}
_TOPS = {"float16": 1.0, "int8": 127.0}  # the code of the largest number of a row


class DamagedShardError(Exception):
    """A file is not what was written; says why."""


@dataclass(frozen=True, eq=False)
class Packed:
    """Rows as they are stored: row = codes * scale.

    Attributes:
        codes: `[num, dim]` of the storage's type.
        scales: float32 `[num]`, chosen so that a row keeps its length; None for float32.
    """

    codes: npt.NDArray[Any]
    scales: FloatArray | None

    def __getitem__(self, rows: Any) -> "Packed":
        return Packed(self.codes[rows], None if self.scales is None else self.scales[rows])


def pack(vectors: FloatArray, storage: Storage) -> Packed:
    """Return finite `vectors`, `[num, dim]`, as they are stored."""
    if storage == "float32":
        return Packed(vectors.astype(_CODES[storage], copy=False), None)
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0)
    # float64: a row of subnormal numbers must not overflow while it is made larger
    units = vectors.astype(np.float64) / np.where(largest > 0, largest, 1)
    codes = np.rint(units * _TOPS[storage]) if storage == "int8" else units
    codes = codes.astype(_CODES[storage])
    lengths = np.linalg.norm(codes.astype(np.float64), axis=1)
    scales = np.linalg.norm(vectors.astype(np.float64), axis=1) / np.where(lengths > 0, lengths, 1)
    return Packed(codes, scales.astype(np.float32))


def unpack(packed: Packed) -> FloatArray:
    """Return the vectors, float32 `[num, dim]`."""
    vectors: FloatArray = packed.codes.astype(np.float32, copy=False)
    if packed.scales is not None:
        vectors *= packed.scales[:, None]
    return vectors


def write_shard(folder: Path, keys: KeyArray, packed: Packed, storage: Storage) -> None:
    """Write a file of its own, in one step, under a name that is never used twice."""
    codes = np.ascontiguousarray(packed.codes)
    schema = _schema(codes.shape[1], storage)
    columns = [
        pa.FixedSizeBinaryArray.from_buffers(
            schema.field(name).type, len(keys), [None, pa.py_buffer(rows)]
        )
        for name, rows in (("key", np.ascontiguousarray(keys)), ("vector", codes))
    ]
    if packed.scales is not None:
        columns.append(pa.array(packed.scales, pa.float32()))
    with write_shards(folder / f"{uuid.uuid4().hex}{SUFFIX}", schema) as writer:
        writer.write_table(pa.Table.from_arrays(columns, schema=schema), GROUP_TEXTS)


@contextmanager
def write_shards(path: Path, schema: Any) -> Iterator[Any]:
    """Yield a Parquet writer of `path`, which appears when the block has succeeded."""
    with (
        write_file(path) as aside,
        # Floats hardly compress. Checksums: a flipped bit must not become a feature.
        pq.ParquetWriter(
            aside,
            schema,
            compression="none",
            use_dictionary=False,
            write_statistics=False,
            write_page_checksum=True,
        ) as writer,
    ):
        yield writer


class Shard:
    """An open file of the cache; reading raises `DamagedShardError`.

    Attributes:
        schema: of the file: its columns, the storage and the length of a vector.
        num_groups: groups of rows, each small enough to be held.
        num_texts: rows of the file.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self.schema = file.schema_arrow
        self.num_groups: int = file.num_row_groups
        self.num_texts: int = file.metadata.num_rows

    def keys(self, group: int) -> KeyArray:
        """Return the keys of a group of rows."""
        return _fixed(self.table(group, ["key"])["key"], np.dtype(f"S{KEY_BYTES}"))[:, 0]

    def vectors(self, group: int, rows: RowArray) -> FloatArray:
        """Return the vectors of these rows of a group, `[len(rows), dim]`."""
        table = self.table(group, [name for name in self.schema.names if name != "key"])
        codes = _fixed(table["vector"], _CODES[self.schema.metadata[b"storage"].decode()])
        scales = table["scale"].to_numpy() if "scale" in self.schema.names else None
        return unpack(Packed(codes, scales)[rows])

    def table(self, group: int, columns: list[str] | None = None) -> Any:
        """Return columns, or all, of a group of rows."""
        with _reading():
            return self._file.read_row_group(group, columns=columns)


@contextmanager
def open_shard(
    path: Path, *, dim: int | None = None, storage: Storage | None = None
) -> Iterator[Shard]:
    """Open a file of the cache; `dim` and `storage` say what it must hold.

    Raises:
        DamagedShardError: it is not what was written.
        FileNotFoundError: it was removed.
        PermissionError: it is someone else's.
    """
    with _reading():
        file = pq.ParquetFile(path, page_checksum_verification=True)
    with file:
        about = file.schema_arrow.metadata or {}
        found, width = about.get(b"storage", b"").decode(), about.get(b"dim", b"").decode()
        if found not in STORAGES or not width.isdigit():
            raise DamagedShardError("it is no file of the cache")
        if not file.schema_arrow.equals(_schema(int(width), found)):
            raise DamagedShardError("its columns are others")
        if dim not in (None, int(width)) or storage not in (None, found):
            raise DamagedShardError(f"it holds {found} [{width}], expected {storage} [{dim}]")
        yield Shard(file)


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, PermissionError):
        raise
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise DamagedShardError(reason[0]) from error


def _schema(dim: int, storage: str) -> Any:
    fields = [
        pa.field("key", pa.binary(KEY_BYTES), nullable=False),
        # Bytes, not a list of numbers: read by copying, and one byte of int8 takes one byte.
        pa.field("vector", pa.binary(dim * _CODES[storage].itemsize), nullable=False),
    ]
    if storage != "float32":
        fields.append(pa.field("scale", pa.float32(), nullable=False))
    return pa.schema(fields, metadata={"storage": storage, "dim": str(dim)})


def _fixed(column: Any, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return the values of a column of fixed width as rows of `dtype`, without a copy."""
    chunk = column.combine_chunks()
    width: int = chunk.type.byte_width
    start, stop = chunk.offset * width, (chunk.offset + len(chunk)) * width
    bytes_of: npt.NDArray[Any] = np.frombuffer(chunk.buffers()[1], np.uint8)[start:stop]
    return bytes_of.view(dtype).reshape(len(chunk), width // dtype.itemsize)
