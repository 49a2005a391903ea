"""`isthmus export`: a graph to a file or folder of any format, written aside and renamed."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import pyarrow as pa

from kg.errors import InputError, nearest
from kg.export import graphml, rdf
from kg.export.naming import Naming
from kg.export.neo4j import write_neo4j
from kg.export.parquet import write_parquet
from kg.files import write_file, write_folder
from kg.graph import KnowledgeGraph
from kg.progress import Bar, progress
from kg.streams import plain_suffix

SUFFIXES = {".nt": "ntriples", ".nq": "nquads", ".ttl": "turtle", ".graphml": "graphml"}
FOLDERS: dict[str, Callable[[KnowledgeGraph, Path, Bar], None]] = {
    "parquet": write_parquet,
    "neo4j": write_neo4j,
}
FORMATS = (*SUFFIXES.values(), *FOLDERS)
_MAPPING = """\
# `isthmus import` of this file gives the graph that was exported
[exported]
file = {}
"""


def format_of(path: Path, format: str | None = None) -> str:
    """Return the format to write.

    Raises:
        InputError: neither `format` nor the suffix names one, or they name two.
    """
    if format is not None:
        if format not in FORMATS:
            raise InputError(
                f"unknown format {format!r}{nearest(format, FORMATS)} "
                f"(formats: {', '.join(FORMATS)}; at the command line also pyg)"
            )
        named = SUFFIXES.get(plain_suffix(path), format)
        if named != format:
            raise InputError(f"{path}: the name says {named}, the format {format}; say one of them")
        return format
    kind = SUFFIXES.get(plain_suffix(path))
    if kind is None:
        raise InputError(
            f"{path}: expected a file in {', '.join(SUFFIXES)}, each also with .gz, .zst, .bz2 or "
            f".xz, or a folder and --format {', '.join([*FOLDERS, 'pyg'])}"
        )
    return kind


def export_graph(
    graph: KnowledgeGraph, path: Path, *, format: str | None = None, naming: Naming | None = None
) -> tuple[Path, ...]:
    """Write a graph for other tools, in one step, and return what was written.

    Beside RDF goes a mapping, named like the file with `.toml` behind, with which `isthmus import`
    makes the same graph of it.

    Args:
        graph: the graph.
        path: a file, compressed where its name ends so, or a folder.
        format: one of `FORMATS`; by default from the name.
        naming: makes the IRIs of nodes, in RDF and GraphML; by default from their ids alone.

    Raises:
        InputError: the name tells no format, or the format has no place for an attribute.
        ArtefactError: `path` is a folder of something else.
    """
    kind = format_of(path, format)
    naming = naming or Naming()
    total = sum(map(len, graph.nodes.values())) + sum(map(len, graph.edges.values()))
    with progress("exporting", total=total) as bar:
        if kind in FOLDERS:
            with write_folder(path, f"{kind} export", fingerprint=graph.fingerprint) as folder:
                FOLDERS[kind](graph, folder, bar)
            return (path,)
        if kind == "graphml":
            blocks = graphml.blocks(graph, naming)
        else:
            blocks = rdf.blocks(graph, naming, turtle=kind == "turtle")
        with write_file(path) as aside, open_to_write(aside, path.suffix) as out:
            for block in blocks:
                out.write(block.data)
                bar.advance(block.rows)
    if kind == "graphml":
        return (path,)
    mapping = path.with_name(path.name + ".toml")
    with write_file(mapping) as aside:
        name = json.dumps(path.name, ensure_ascii=False)
        said = f"\nformat = {json.dumps(kind)}" if plain_suffix(path) not in SUFFIXES else ""
        aside.write_text(_MAPPING.format(name + said), encoding="utf-8")
    return path, mapping


@contextmanager
def open_to_write(path: Path, suffix: str) -> Iterator[IO[bytes]]:
    """Open a file for writing, packed as a suffix such as `.gz` says."""
    if suffix == ".gz":
        # without the time of writing, the same graph gives the same file
        with path.open("wb") as plain, gzip.GzipFile("", "wb", 6, plain, mtime=0) as out:
            yield cast(IO[bytes], out)
    elif suffix == ".bz2":
        with bz2.open(path, "wb") as out:
            yield cast(IO[bytes], out)
    elif suffix == ".xz":
        with lzma.open(path, "wb", preset=1) as out:
            yield cast(IO[bytes], out)
    elif suffix == ".zst":
        with pa.output_stream(str(path), compression="zstd") as out:
            yield out
    else:
        with path.open("wb") as out:
            yield out
