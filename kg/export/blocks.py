"""A graph in pieces: some nodes or edges at a time, and the bytes that say them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kg.graph import Edges

ROWS = 8_192  # nodes or edges in a block of text: few enough that Arrow's offsets hold their texts


@dataclass(frozen=True)
class Block:
    """Some text, and how many nodes and edges it is about."""

    data: bytes | memoryview
    rows: int


def slices(length: int, size: int = ROWS) -> Iterator[slice]:
    """Yield slices that cover `length` rows, at most `size` in each."""
    for start in range(0, length, size):
        yield slice(start, min(start + size, length))


def parts(edges: Edges, size: int = ROWS) -> Iterator[Edges]:
    """Yield edges, at most `size` at a time."""
    for rows in slices(len(edges), size):
        yield edges.take(np.arange(rows.start, rows.stop))
