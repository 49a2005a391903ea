"""Who is asked about: ids of a file, or all of the graph; pairs of a table."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.errors import UnknownIdError
from kg.files import sha256
from kg.vocab import IntArray, Vocab
from queries.tables import TableFile, open_column

_BLOCK_ROWS = 65_536


@dataclass(frozen=True)
class AskedIds:
    """Ids of nodes, such as users, in blocks.

    Attributes:
        asked: how many rows there are.
        skipped: how many of them have an unknown id.
        fingerprint: of who they are.
    """

    vocab: Vocab
    table: TableFile | None
    column: str
    asked: int
    skipped: int

    @classmethod
    def users(cls, path: Path | None, vocab: Vocab, *, skip_unknown: bool) -> "AskedIds":
        """Open a file of users; None is everybody.

        Raises:
            InputError: the file cannot be read.
            UnknownIdError: a user is unknown; names the file and line.
        """
        if path is None:
            return cls(vocab, None, "user", len(vocab), 0)
        return cls.of(*open_column(path, "user"), vocab, skip_unknown=skip_unknown)

    @classmethod
    def of(cls, table: TableFile, column: str, vocab: Vocab, *, skip_unknown: bool) -> "AskedIds":
        """Return the ids of a column.

        Raises:
            InputError: the file cannot be read.
            UnknownIdError: an id is unknown; names the file and line.
        """
        # The file is read twice: an unknown id in the last line is reported before hours of work.
        asked, skipped = count_known(table, {column: vocab}, skip_unknown)
        return cls(vocab, table, column, asked, skipped)

    @property
    def fingerprint(self) -> str:
        """What tells these ids from others."""
        if self.table is None:
            return "all"
        return hashlib.sha256(f"{self.column} {sha256(self.table.path)}".encode()).hexdigest()

    def blocks(self, size: int) -> Iterator[tuple[list[str], int]]:
        """Yield known ids, and how many rows they are of."""
        if self.table is None:
            for start in range(0, len(self.vocab), size):
                ids = self.vocab.ids[start : start + size].to_pylist()
                yield ids, len(ids)
            return
        for block, _ in self.table.blocks(size):
            ids = strings(block[self.column])
            known = ids.filter(pa.array(self.vocab.lookup(ids) >= 0))
            yield known.to_pylist(), len(block)


def count_known(
    table: TableFile, vocabs: Mapping[str, Vocab], skip_unknown: bool
) -> tuple[int, int]:
    """Return the number of rows, and of those with an unknown id.

    Raises:
        UnknownIdError: there is one, and it is not to be skipped.
    """
    asked, skipped = 0, 0
    for block, lines in table.blocks(_BLOCK_ROWS):
        unknown = np.zeros(len(block), dtype=np.bool_)
        for name, vocab in vocabs.items():
            ids = strings(block[name])
            missing = vocab.lookup(ids) < 0
            unknown |= missing
            if missing.any() and not skip_unknown:
                refuse(table, vocab, ids, lines, int(missing.argmax()))
        asked += len(block)
        skipped += int(unknown.sum())
    return asked, skipped


def strings(column: Any) -> Any:
    """Return a column of ids as strings; null is `""`."""
    return pc.fill_null(column.cast(pa.string()), "")


def refuse(table: TableFile, vocab: Vocab, ids: Any, lines: IntArray, row: int) -> None:
    """Say that an id is unknown, and where it stands.

    Raises:
        UnknownIdError: always; names the file, the line and the nearest id.
    """
    try:
        vocab.index([ids[row].as_py()])
    except UnknownIdError as error:
        raise UnknownIdError(f"{table.place(int(lines[row]))}: {error}") from None
