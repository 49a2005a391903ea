"""Hashes of columns of strings, without a Python string for each."""

from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

BLOCK = 1 << 18  # strings that are laid out at once


class Digest(Protocol):
    """What hashes bytes."""

    def update(self, data: Any, /) -> None:
        """Add bytes."""


def add_counted(digest: Digest, strings: Any) -> None:
    """Add an Arrow array of strings, each with its length before it as four bytes."""
    for start in range(0, len(strings), BLOCK):
        block = strings.slice(start, BLOCK).cast(pa.large_binary())
        size = pc.binary_length(block).to_numpy().astype("<u4")
        lengths = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(4), len(block), [None, pa.py_buffer(size)]
        )
        nothing = pa.scalar(b"", pa.large_binary())
        _add(digest, pc.binary_join_element_wise(lengths.cast(pa.large_binary()), block, nothing))


def add_joined(digest: Digest, strings: Any) -> None:
    """Add an Arrow array of strings with a zero byte between one and the next."""
    for start in range(0, len(strings), BLOCK):
        block = strings.slice(start, BLOCK).cast(pa.large_binary())
        if start:
            digest.update(b"\x00")
        nothing, zero = (pa.scalar(text, pa.large_binary()) for text in (b"", b"\x00"))
        zeros = pc.binary_join_element_wise(block, nothing, zero)  # one behind each
        _add(digest, zeros, leave_out=1)


def _add(digest: Digest, block: Any, leave_out: int = 0) -> None:
    offsets = np.frombuffer(block.buffers()[1], np.int64)[block.offset :][: len(block) + 1]
    digest.update(memoryview(block.buffers()[2])[offsets[0] : offsets[-1] - leave_out])
