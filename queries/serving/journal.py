"""Nodes that were added while serving: kept for the next model, and for other processes."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kg.errors import ArtefactError


class Journal:
    """A file with one request a line, in the order in which they were taken.

    Args:
        path: the file; made where there is none.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._counted = (0, 0)  # bytes, and lines in them
        path.touch(mode=0o600)

    def read(self, first: int = 0) -> list[dict[str, Any]]:
        """Return every request from the one at place `first` on.

        Raises:
            ArtefactError: a line is damaged.
        """
        lines = self.path.read_text(encoding="utf-8").splitlines()[first:]
        try:
            return [json.loads(line) for line in lines]
        except ValueError as error:
            raise ArtefactError(f"{self.path} is damaged: {error}") from None

    def __len__(self) -> int:
        """Return how many requests there are; the file is read only where it has grown."""
        size = self.path.stat().st_size
        if size != self._counted[0]:
            self._counted = size, self.path.read_bytes().count(b"\n")
        return self._counted[1]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from adding."""
        with self.path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def append(self, request: dict[str, Any]) -> None:
        """Add a request, on disk before this returns."""
        with self.path.open("ab") as file:
            file.write(json.dumps(request, ensure_ascii=True).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
