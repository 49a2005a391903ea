"""Tables of any format to columns, batch by batch, with line numbers."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from kg.errors import InputError
from kg.rejects import RejectLog, Tally
from kg.sources import SourceFile, source_files
from kg.streams import open_bytes, plain_suffix
from kg.tables.block import Layout
from kg.tables.delimited import read_delimited
from kg.tables.json_lines import read_json_lines
from kg.tables.rows import Rows, read_ahead
from kg.tables.sections import TableFile

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".db": "sqlite",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
}

DELIMITERS = {"csv": ",", "tsv": "\t", "postgres": "\t"}


def read_section(
    section: TableFile,
    label: str,
    folder: Path,
    wanted: Sequence[str],
    log: RejectLog,
    *,
    ids: Collection[str] = (),
    numbers: Collection[str] = (),
) -> Iterator[tuple[Tally, Iterator[Rows]]]:
    """Open all files of a section of the mapping, each with its tally and its rows in batches.

    Args:
        section: says which files, and how to read them.
        label: what accounts call the section, such as `nodes[0]`.
        folder: what paths are relative to.
        wanted: columns to return.
        log: gets the rejects.
        ids: wanted columns that may stay whole numbers where the file has them as such.
        numbers: wanted columns that may be numbers or times.

    Raises:
        InputError: as of `source_files` and `read_table`.
    """
    for source in source_files(section.file, folder):
        tally = Tally(source.label, label, log)
        draft = Tally(source.label, label, RejectLog())
        parts = read_table(source, section, wanted, draft, ids=ids, numbers=numbers)
        yield tally, read_ahead(parts, draft, tally)


def read_table(
    source: SourceFile,
    section: TableFile,
    wanted: Sequence[str],
    tally: Tally,
    *,
    ids: Collection[str] = (),
    numbers: Collection[str] = (),
) -> Iterator[Rows]:
    """Read the wanted columns of a table; bad rows go to `tally`, the rest come back in batches.

    Every cell becomes a string: numbers as they are written, missing values `""`, lists joined
    with `", "`, other nested values as JSON. The line of a Parquet row is its number from 1.

    Raises:
        InputError: unknown format, damaged file, or a wanted column is not in it.
    """
    kind = section.format or FORMATS.get(plain_suffix(source.path))
    if kind is None:
        known = ", ".join(FORMATS)
        raise InputError(
            f"{source.path} has no known table format (known: {known}, texts and .parquet also "
            'with .gz, .zst, .bz2 or .xz); say format = "csv", "tsv", "jsonl", "parquet", '
            '"sqlite" or "postgres"'
        )
    if kind == "parquet":
        from kg.tables.parquet import read_parquet

        yield from read_parquet(source, wanted, {*ids, *numbers}, tally)
        return
    if kind == "sqlite":
        from kg.tables.sqlite import read_sqlite

        yield from read_sqlite(source, section.table, wanted, numbers, tally)
        return
    with open_bytes(source.path) as stream:
        if kind == "jsonl":
            yield from read_json_lines(stream, wanted, numbers, source, tally)
        else:
            layout = Layout(
                delimiter=section.delimiter or DELIMITERS[kind],
                quote=kind == "csv" if section.quote is None else section.quote,
                names=section.columns,
            )
            if kind == "postgres":
                from kg.tables.postgres import read_copy

                yield from read_copy(stream, section.table, layout, wanted, numbers, source, tally)
            else:
                yield from read_delimited(stream, layout, wanted, numbers, source, tally)
