"""Files that may be compressed, opened as plain bytes."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import pyarrow as pa

from kg.errors import InputError

COMPRESSIONS = (".gz", ".zst", ".bz2", ".xz")


def plain_suffix(path: Path) -> str:
    """Return the suffix below any compression, lower case: `.tsv` of `items.tsv.gz`."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading, unpacking gzip, zstd, bzip2 and xz by its suffix.

    Raises:
        InputError: missing, unreadable, or the compressed data are damaged.
    """
    try:
        with _open(path) as stream:
            yield stream
    except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None


def _open(path: Path) -> IO[bytes]:
    suffix = path.suffix.lower()
    if suffix == ".gz":
        return cast(IO[bytes], gzip.open(path, "rb"))
    if suffix == ".bz2":
        return cast(IO[bytes], bz2.open(path, "rb"))
    if suffix == ".xz":
        return cast(IO[bytes], lzma.open(path, "rb"))
    if suffix == ".zst":
        # python-zstandard's reader takes a truncated file for a complete one; Arrow's does not
        return cast(IO[bytes], pa.input_stream(str(path), compression="zstd"))
    return path.open("rb")
