"""Files written for a test, and the mapping that imports them."""

import gzip
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.importer import Imported, import_graph
from kg.rejects import RejectLog, Tally
from kg.sources import SourceFile

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file; text becomes UTF-8, and a name in `.gz` is compressed."""

    def write_file(name: str, content: str | bytes) -> Path:
        data = content.encode() if isinstance(content, str) else content
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write_file


@pytest.fixture
def run(write: Write) -> Callable[[str], Imported]:
    """Import a mapping given as text, whose files were written with `write`."""
    return lambda toml: import_graph(write("mapping.toml", toml))


@pytest.fixture
def tally() -> Tally:
    return Tally("file", "nodes[0]", RejectLog())


@pytest.fixture
def source(write: Write) -> Callable[..., SourceFile]:
    return lambda name, content: SourceFile(write(name, content), name)


@pytest.fixture
def no_hang() -> Iterator[None]:
    """End a test that goes on for ever."""

    def stop(*_: object) -> None:
        raise RuntimeError("this test hangs")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, 90)  # of processor time: the machine may be busy
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, before)


@pytest.fixture
def fuzz() -> Callable[..., Callable]:
    """Run a check over so many documents; the few of the quick suite are always the same."""

    def run(cases: int, **strategies: st.SearchStrategy) -> Callable:
        limits = settings(max_examples=cases, deadline=None, derandomize=cases <= 50, database=None)
        return lambda check: limits(given(**strategies)(check))()

    return run
