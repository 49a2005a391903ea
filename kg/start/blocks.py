"""A sample of a big file: whole lines from blocks that are spread over it."""

from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kg.streams import COMPRESSIONS, open_bytes

BLOCK = 1 << 17  # bytes
MOST_BLOCKS = 32
BUDGET = 1 << 28  # bytes that are unpacked to find blocks in; bounds the time, and an archive bomb
MOST_WATCHED = 20_000  # lines with each thing that is watched for


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """Parts of a file, each of whole lines.

    Attributes:
        parts: in file order; the first begins where the file does.
        watched: lines with what was watched for, those of `parts` too; none where all is there.
        share: about which part of the file's bytes is in `parts`; 1 if all of them are.
    """

    parts: tuple[bytes, ...]
    watched: tuple[bytes, ...]
    share: float

    @property
    def complete(self) -> bool:
        """Whether the whole file is there."""
        return self.share == 1


def read_blocks(path: Path, *, watch: tuple[bytes, ...] = ()) -> Blocks:
    """Read at most `MOST_BLOCKS` blocks, evenly spread over what `BUDGET` reaches of a file.

    Args:
        path: the file, perhaps compressed.
        watch: lines that hold one of these are wanted from the other blocks too, up to
            `MOST_WATCHED` each.

    Raises:
        InputError: missing, unreadable, or the compressed data are damaged.
    """
    with open_bytes(path) as stream:
        packed = path.suffix.lower() in COMPRESSIONS
        size = path.stat().st_size
        if not packed and size > BUDGET:
            return _spread(stream, size)
        return _thinned(stream, watch)


def _spread(stream: IO[bytes], size: int) -> Blocks:
    parts = []
    for i in range(MOST_BLOCKS):
        stream.seek(i * (size - BLOCK) // (MOST_BLOCKS - 1))
        parts.append(_whole_lines(stream.read(BLOCK), first=i == 0))
    return Blocks(parts=tuple(parts), watched=(), share=MOST_BLOCKS * BLOCK / size)


def _thinned(stream: IO[bytes], watch: tuple[bytes, ...]) -> Blocks:
    kept: dict[int, bytes] = {}
    watched: dict[bytes, list[bytes]] = {wanted: [] for wanted in watch}
    every = 1  # every so many blocks are kept: doubled when there are too many
    seen = number = 0
    more = True
    while seen < BUDGET:
        block = stream.read(BLOCK)
        if not block:
            more = False
            break
        seen += len(block)
        if number % every == 0:
            kept[number] = block
        for wanted, lines in watched.items():
            if len(lines) < MOST_WATCHED:
                lines += _lines_with(wanted, block)
        number += 1
        if len(kept) > MOST_BLOCKS:
            every *= 2
            kept = {i: block for i, block in kept.items() if i % every == 0}
    if every == 1 and not more:
        return Blocks(parts=(b"".join(kept.values()),), watched=(), share=1)
    parts = tuple(_whole_lines(block, first=i == 0) for i, block in kept.items())
    share = min(sum(map(len, parts)) / max(seen, 1), 0.99)
    found = tuple(line for lines in watched.values() for line in lines[:MOST_WATCHED])
    return Blocks(parts=parts, watched=found, share=share)


def _whole_lines(block: bytes, *, first: bool) -> bytes:
    start = 0 if first else block.find(b"\n") + 1
    return block[start : block.rfind(b"\n") + 1]


def _lines_with(wanted: bytes, block: bytes) -> list[bytes]:
    found: list[bytes] = []
    at = block.find(wanted)
    while at >= 0 and len(found) < MOST_WATCHED:
        end = block.find(b"\n", at)
        start = block.rfind(b"\n", 0, at) + 1
        if end < 0:
            break
        if start:  # a line that began in the block before is not whole
            found.append(block[start : end + 1])
        at = block.find(wanted, end)
    return found
