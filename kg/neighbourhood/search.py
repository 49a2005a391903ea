"""What lies within a few hops of a catalogue, out of a dump that does not fit in memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.errors import InputError
from kg.export.lines import data_of, join
from kg.export.vocabulary import TYPE
from kg.export.write import open_to_write
from kg.files import write_file
from kg.graph import BoolArray
from kg.neighbourhood.hops import Hub, Reached
from kg.progress import progress
from kg.rdf.batch import TripleBatch
from kg.rdf.stream import read_triples
from kg.rejects import RejectLimit, RejectLog, Tally
from kg.sources import SourceFile
from kg.streams import open_bytes, plain_suffix
from kg.tables.read import read_table
from kg.tables.sections import TableFile
from kg.vocab import IntArray


@dataclass(frozen=True, kw_only=True)
class Near:
    """What is near a catalogue.

    Attributes:
        hops: edges between a node and the nearest seed.
        predicates: IRIs of those that are followed, either way, and kept; None for all, rdf:type
            excepted.
        max_degree: a node is not left by a predicate, in a direction, in which it has more triples
            than this: what has the genre rock music has little in common. It is kept, and so are
            its triples with what else is kept. None for no end.
        literals: IRIs of predicates whose literals come along; None for all.
        languages: of literals that have one, those that come along, `en` with `en-GB`; None for
            all.
    """

    hops: int = 2
    predicates: tuple[str, ...] | None = None
    max_degree: int | None = 1_000
    literals: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.hops < 0:
            raise ValueError(f"hops must be at least 0, not {self.hops}")
        if self.max_degree is not None and self.max_degree < 1:
            raise ValueError(f"max_degree must be at least 1, not {self.max_degree}")

    def follows(self, predicate: str) -> bool:
        """Return whether a predicate is followed."""
        return predicate != TYPE if self.predicates is None else predicate in self.predicates

    def tells(self, predicate: str) -> bool:
        """Return whether the literals of a predicate come along."""
        return self.literals is None or predicate in self.literals


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What became of a dump.

    Attributes:
        triples: in the dump.
        malformed: lines that are no triple, left out.
        edges: triples kept between two nodes.
        types: triples kept that say the type of a node.
        literals: triples kept with a literal.
        nodes: new ones at each distance from the seeds, which are the first.
        missing: seeds that no triple names.
        hubs: what was not followed, the greatest degree first.
    """

    triples: int
    malformed: int
    edges: int
    types: int
    literals: int
    nodes: tuple[int, ...]
    missing: tuple[str, ...]
    hubs: tuple[Hub, ...]


def keep_near(dump: Sequence[SourceFile], seeds: Iterable[str], near: Near, out: Path) -> Kept:
    """Write the triples of a dump that are near some seeds, as N-Triples.

    The dump is read `hops + 1` times, in memory proportional to what is kept: the triples of
    followed predicates between any two nodes that are reached, and types and literals of these.
    Named graphs are dropped.

    Args:
        dump: files of one dump, perhaps compressed.
        seeds: IRIs of the catalogue.
        near: how far to go.
        out: `.nt`, perhaps compressed.

    Raises:
        InputError: a file cannot be read, `out` is no `.nt`, or no seed is in the dump.
    """
    if plain_suffix(out) != ".nt":
        raise InputError(f"{out}: expected a name in .nt, perhaps with .gz, .zst, .bz2 or .xz")
    if any(str(source.path) == "-" for source in dump):
        raise InputError("standard input cannot be read several times: give a file")
    nodes = {seed: row for row, seed in enumerate(dict.fromkeys(seeds))}
    sizes = [0, len(nodes)]  # nodes up to each distance
    hubs: list[Hub] = []
    for hop in range(near.hops):
        reached = Reached(sizes[-2], sizes[-1], near.max_degree)
        for batch in _read(dump, f"hop {hop + 1} of {near.hops}", f"{sizes[-1]:,} nodes"):
            follows = _says(batch, near.follows) & (batch.object >= 0)
            reached.add(batch, _rows(batch, nodes), follows)
        names = list(nodes)[sizes[-2] :]
        for name in reached.new_nodes().to_pylist():
            nodes[name] = len(nodes)
        hubs += reached.hubs(names)
        sizes.append(len(nodes))
    writer = _Writer(nodes, near)
    with write_file(out) as aside:
        with open_to_write(aside, out.suffix) as file:
            for batch in _read(dump, "writing", f"{sizes[-1]:,} nodes"):
                file.write(writer.lines(batch))
        missing = tuple(
            name for name, row in nodes.items() if row < sizes[1] and not writer.seen[row]
        )
        if len(missing) == sizes[1]:
            raise InputError(
                f"no triple names any of {sizes[1]} seeds, such as {next(iter(missing), '')!r}; "
                "of a table name the column, and what stands before an id in the dump"
            )
    return Kept(
        **writer.counts,
        nodes=(sizes[1] - len(missing), *np.diff(sizes[1:]).tolist()),
        missing=missing,
        hubs=tuple(sorted(hubs, key=lambda hub: (-hub.degree, hub))),
    )


def read_seeds(path: Path, column: str | None = None, beginning: str = "") -> list[str]:
    """Return the IRIs of a catalogue.

    Args:
        path: a table, or plain text with one IRI a line, perhaps compressed.
        column: of the table; None for plain text.
        beginning: what the values lack of being IRIs.

    Raises:
        InputError: the file cannot be read, or a row of it is bad.
    """
    if not path.is_file():
        raise InputError(f"no such file: {path}")
    source = SourceFile(path, path.name)
    if column is None:
        with open_bytes(path) as file:
            data = file.read()
        try:
            values = data.decode("utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise InputError(f"{path} is not UTF-8: {error}") from None
    else:
        tally = Tally(str(path), "seeds", RejectLog(limit=RejectLimit.none()))
        parts = read_table(source, TableFile(file=(path.name,)), [column], tally)
        values = [value for part in parts for value in part.columns[column].to_pylist()]
    bare = (value.strip() for value in values)
    return [beginning + value.removeprefix("<").removesuffix(">") for value in bare if value]


class _Writer:
    """Chooses the triples to keep, and counts them."""

    def __init__(self, nodes: dict[str, int], near: Near) -> None:
        self._nodes, self._near = nodes, near
        self.seen: BoolArray = np.zeros(len(nodes), dtype=np.bool_)
        self.counts = dict.fromkeys(("triples", "malformed", "edges", "types", "literals"), 0)

    def lines(self, batch: TripleBatch) -> memoryview:
        """Return what is kept of a batch."""
        near = self._near
        row = _rows(batch, self._nodes)
        literal = batch.object < 0
        subject = row[batch.subject]
        target = np.where(literal, -1, row[np.where(literal, 0, batch.object)])
        self.seen[subject[subject >= 0]] = True
        self.seen[target[target >= 0]] = True
        here = subject >= 0
        edge = here & (target >= 0) & _says(batch, near.follows)
        typed = here & ~literal & ~edge & _says(batch, TYPE.__eq__)
        said = here & literal & _says(batch, near.tells)
        said[literal] &= _spoken(batch, near.languages)[~batch.object[literal]]
        for name, mask in (("edges", edge), ("types", typed), ("literals", said)):
            self.counts[name] += int(mask.sum())
        self.counts["triples"] += len(batch)
        self.counts["malformed"] += len(batch.malformed)
        return data_of(join(batch.take(edge | typed | said).ntriples(), "\n"))


def _read(dump: Sequence[SourceFile], title: str, note: str) -> Iterator[TripleBatch]:
    with progress(title, total=None) as bar:
        for number, source in enumerate(dump):
            for batch in read_triples(source):
                bar.advance(len(batch), note)
                yield batch if number == 0 else _of_file(batch, number)


def _of_file(batch: TripleBatch, number: int) -> TripleBatch:
    """Return the triples with other blank nodes than those of other files."""
    terms = pc.replace_substring_regex(batch.terms, "^_:", f"_:f{number}.")
    return replace(batch, terms=terms)


def _rows(batch: TripleBatch, nodes: dict[str, int]) -> IntArray:
    """Return the row of each term among nodes, -1 for none."""
    terms = batch.terms.to_pylist()
    return np.fromiter(map(nodes.get, terms, repeat(-1)), np.int64, len(terms))


def _says(batch: TripleBatch, chosen: Callable[[str], bool]) -> BoolArray:
    """Return which triples have a predicate that is chosen."""
    terms = np.zeros(len(batch.terms), dtype=np.bool_)
    used = np.flatnonzero(np.bincount(batch.predicate, minlength=len(terms)))
    names = batch.terms.take(pa.array(used)).to_pylist()
    terms[used] = [chosen(name) for name in names]
    said: BoolArray = terms[batch.predicate]
    return said


def _spoken(batch: TripleBatch, languages: tuple[str, ...] | None) -> BoolArray:
    """Return which literals have no language, or one of `languages`."""
    if languages is None:
        return np.ones(len(batch.value), dtype=np.bool_)
    wanted = [language.lower() for language in languages]
    fine = [
        not kind.language or any(f"{kind.language}-".startswith(f"{one}-") for one in wanted)
        for kind in batch.kinds
    ]
    return np.array(fine, dtype=np.bool_)[batch.kind]
