"""Files written for a test, and what a first mapping makes of them."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from kg.importer import Imported, import_graph
from kg.start.look import MAPPING, Start, start


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str, str], Path]:
    def write(name: str, content: str) -> Path:
        path = tmp_path / name
        data = content.encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write


@pytest.fixture
def begin(tmp_path: Path) -> Callable[..., tuple[Start, Imported]]:
    """Write a first mapping of some files, and import it as it is."""

    def run(*paths: Path) -> tuple[Start, Imported]:
        found = start(paths, tmp_path)
        assert found.plan.missing == ""
        return found, import_graph(tmp_path / MAPPING)

    return run
