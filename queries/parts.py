"""A long answer in parts beside its target: a killed run goes on where it stopped."""

import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from kg.errors import ArtefactError, InputError
from kg.files import read_json, write_file, write_json

SETTINGS = "settings.json"


class Parts:
    """The folder `TARGET.parts`: what was asked, and a table for each block that is answered.

    Args:
        target: the file that the parts become.
        settings: what decides the answers; JSON values.
        fresh: forget what an earlier run left.

    Raises:
        InputError: the folder holds parts of another question; names what differs.
        ArtefactError: the folder holds something else.
    """

    def __init__(self, target: Path, settings: Mapping[str, Any], *, fresh: bool = False) -> None:
        self.path = target.with_name(target.name + ".parts")
        kept = self.path / SETTINGS
        if self.path.exists() and not kept.is_file():
            if not self.path.is_dir() or any(p.name[0] != "." for p in self.path.iterdir()):
                raise ArtefactError(f"{self.path} is in the way: it holds no parts of {target}")
        elif self.path.exists() and fresh:
            shutil.rmtree(self.path)
        if not kept.is_file():
            self.path.mkdir(parents=True, exist_ok=True)
            write_json(kept, {"started": datetime.now(UTC).isoformat(), "settings": settings})
        noted = read_json(kept)
        self._check(noted["settings"], settings)
        self.started = datetime.fromisoformat(noted["started"])

    def _check(self, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        for name in {**before, **now}:
            if before.get(name) != now.get(name):
                raise InputError(
                    f"{self.path} was begun with {name} = {before.get(name)!r}, now it is "
                    f"{now.get(name)!r}: use --fresh to start over, or another --out"
                )

    def __contains__(self, number: int) -> bool:
        return self._file(number).is_file()

    def add(self, number: int, table: pa.Table) -> None:
        """Write a part, in one step."""
        with write_file(self._file(number)) as aside:
            pa.parquet.write_table(table, aside)

    def rows(self, number: int) -> int:
        """Return how many answers a part has."""
        return int(pa.parquet.read_metadata(self._file(number)).num_rows)

    def tables(self, count: int) -> Iterator[pa.Table]:
        """Yield the first `count` parts in order."""
        for number in range(count):
            yield pa.parquet.read_table(self._file(number))

    def remove(self) -> None:
        """Remove the folder: the target is written."""
        shutil.rmtree(self.path)

    def _file(self, number: int) -> Path:
        return self.path / f"{number:06d}.parquet"
