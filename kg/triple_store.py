"""A graph's triples in an Oxigraph store: in memory, or on disk beside the graph, made once."""

import hashlib
import io
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from pyoxigraph import RdfFormat, Store

from kg.export.blocks import Block
from kg.export.naming import Naming
from kg.export.rdf import blocks
from kg.files import locked, read_manifest, write_folder
from kg.graph import KnowledgeGraph
from kg.progress import Bar, progress
from kg.store import KIND as GRAPH
from kg.store import SCHEMA, load_graph

KIND = "triple store"
FORMAT = 1  # of the triples that export writes; raised when they change
STORE = "store"
_OURS = re.compile(r"\.?[0-9a-f]{16}-[0-9a-f]{16}(\..*)?")


def in_memory(graph: KnowledgeGraph, naming: Naming) -> Store:
    """Return a store in memory, which takes about 0.4 GB for a million triples."""
    store = Store()
    with _triples(graph, naming) as stream:
        store.load(cast(Any, stream), RdfFormat.N_TRIPLES)
    return store


def on_disk(path: Path, naming: Naming) -> Store:
    """Return the store of a graph folder, opened to read only, by any number of processes at once.

    It lies in the folder `NAME.sparql` beside the graph, under a name made of the checksums of the
    graph's files and of `naming`. Where it is not there, it is made, and those of what the graph
    was before are deleted. Where that is impossible, since nothing can be written there or another
    process is at it, the store is in memory.

    Raises:
        ArtefactError: not a graph folder, or a damaged one.
    """
    name = _name(path, naming)
    found = _opened(folder_of(path) / name)
    if found is not None:
        return found
    graph = load_graph(path)
    while name != (now := _name(path, naming)):  # it was replaced while it was read
        name, graph = now, load_graph(path)
    return _kept(folder_of(path), name, graph, naming) or in_memory(graph, naming)


def folder_of(path: Path) -> Path:
    """Return where the stores of a graph folder lie."""
    path = path.resolve()
    return path.with_name(f"{path.name}.sparql")


def _kept(folder: Path, name: str, graph: KnowledgeGraph, naming: Naming) -> Store | None:
    """Make a store and open it; None where that is impossible."""
    try:
        folder.mkdir(exist_ok=True)
        with locked(folder):
            found = _opened(folder / name)
            if found is not None:  # another process has been quicker
                return found
            for old in folder.iterdir():
                # of what the graph was, left by a killed process, or damaged
                stale = not old.name.startswith(name[:16]) or old.name == name
                if stale and _OURS.fullmatch(old.name):
                    shutil.rmtree(old)
            with write_folder(folder / name, KIND) as aside:
                _write(aside / STORE, graph, naming)
    except (OSError, RuntimeError):  # the disk, or RocksDB
        return None
    return _opened(folder / name)


def _write(path: Path, graph: KnowledgeGraph, naming: Naming) -> None:
    store = Store(str(path))
    with _triples(graph, naming) as stream:
        store.bulk_load(cast(Any, stream), RdfFormat.N_TRIPLES)
    store.flush()
    del store  # closes it
    (path / "LOG").unlink(missing_ok=True)  # is of no use to a reader


def _opened(path: Path) -> Store | None:
    """Open a store that is there and whole; whether its blocks are, RocksDB looks as it reads."""
    try:
        read_manifest(path, KIND, verify=False)
        return Store.read_only(str(path / STORE))
    except (OSError, RuntimeError):
        return None


def _name(path: Path, naming: Naming) -> str:
    """Return what a store is called: 16 digits of the graph, and 16 of how it is written."""
    files = read_manifest(path, GRAPH, verify=False)["files"]
    told = [
        (name, about["sha256"])
        for name, about in sorted(files.items())
        if name == SCHEMA or name.startswith(("nodes/", "edges/"))
    ]
    written = [
        FORMAT,
        version("pyoxigraph"),
        sorted(naming.prefixes.items()),
        sorted(naming.beginnings.items()),
    ]
    parts = (hashlib.sha256(json.dumps(part).encode()).hexdigest() for part in (told, written))
    return "-".join(part[:16] for part in parts)


@contextmanager
def _triples(graph: KnowledgeGraph, naming: Naming) -> Iterator[io.BufferedReader]:
    total = sum(map(len, graph.nodes.values())) + sum(map(len, graph.edges.values()))
    with progress("reading the graph", total=total) as bar:
        yield io.BufferedReader(_Stream(blocks(graph, naming), bar), 1 << 20)


class _Stream(io.RawIOBase):
    """Blocks of a graph as a file to read."""

    def __init__(self, parts: Iterator[Block], bar: Bar) -> None:
        self._parts = parts
        self._bar = bar
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not len(self._rest):
            block = next(self._parts, None)
            if block is None:
                return 0
            self._rest = memoryview(block.data)
            self._bar.advance(block.rows)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
