"""Answers of models on disk, by what was asked: a question is paid for once."""

import contextlib
import hashlib
import json
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

KEPT = Path("~/.cache/isthmus/reranked.sqlite")

_log = logging.getLogger(__name__)


class KeptValues:
    """Numbers by key; processes may share a file.

    A file that cannot be read or written costs a warning and the model's time, not the answer.

    Args:
        file: SQLite; made when first written to.
    """

    def __init__(self, file: Path = KEPT) -> None:
        self._file = file.expanduser()

    def get(self, keys: Sequence[str]) -> dict[str, list[float]]:
        """Return what is known of `keys`."""
        if not self._file.is_file():
            return {}
        marks = ",".join("?" * len(keys))
        try:
            with contextlib.closing(self._open()) as database:
                rows = database.execute(f"SELECT key, value FROM kept WHERE key IN ({marks})", keys)
                return {key: [float(one) for one in json.loads(value)] for key, value in rows}
        except (sqlite3.Error, OSError, ValueError, TypeError) as error:
            self._warn(error)
            return {}

    def put(self, values: Mapping[str, Sequence[float]]) -> None:
        """Keep values."""
        rows = [(key, json.dumps(list(value))) for key, value in values.items()]
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(self._open()) as database, database:
                database.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", rows)
        except (sqlite3.Error, OSError) as error:
            self._warn(error)

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._file, timeout=30)
        database.execute("CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, value TEXT)")
        return database

    def _warn(self, error: Exception) -> None:
        _log.warning("%s cannot be used, so a model is asked again: %s", self._file, error)


def key_of(*parts: str) -> str:
    """Return the key of a question: a hash of everything that decides its answer."""
    return hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogatepass")).hexdigest()
