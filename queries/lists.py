"""Lists that the shell gives: items to leave out, or the only ones; in a file, or one by one."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from kg.errors import InputError, shown
from kg.graph import KnowledgeGraph
from kg.streams import plain_suffix
from queries.asked import refuse, strings
from queries.tables import READ, TableFile, open_column

_BLOCK_ROWS = 65_536


def read_items(graph: KnowledgeGraph, given: Sequence[str], *, skip_unknown: bool) -> list[str]:
    """Return the items that some lists name.

    Args:
        graph: what knows them.
        given: each the name of a file with a column `item` or `id`, or a single one, or else ids
            with commas between them; an id with a comma stands in double quotes.
        skip_unknown: leave out items that are not in the graph instead of stopping.

    Raises:
        InputError: a file cannot be read, or has lists for each user.
        UnknownIdError: an item is unknown; names the file and line.
    """
    found: list[str] = []
    for text in given:
        if not _is_file(text):
            found += _known(graph, _split(text), skip_unknown)
            continue
        table, column = open_column(Path(text), "item", "id")
        if "user" in table.schema.names:
            raise InputError(f"{text} has a column 'user': only what is excluded differs by user")
        found += _read(graph, table, column, skip_unknown)
    return found


def read_excluded(
    graph: KnowledgeGraph, given: Sequence[str], *, skip_unknown: bool
) -> tuple[list[str], pa.Table | None]:
    """Return what is excluded for everybody, and the pairs that are excluded, if there are any.

    As `read_items`, but a table with columns `user` and `item`, such as answers that were written
    before, excludes pairs. Those that the graph does not know exclude nothing.
    """
    lists, pairs = [], []
    for text in given:
        if _is_file(text):
            table, _ = open_column(Path(text), "item", "id")
            if {"user", "item"} <= set(table.schema.names):
                pairs += [_pairs(block) for block, _ in table.blocks(_BLOCK_ROWS)]
                continue
        lists.append(text)
    items = read_items(graph, lists, skip_unknown=skip_unknown)
    return items, pa.concat_tables(pairs) if pairs else None


def _pairs(block: pa.Table) -> pa.Table:
    return pa.table({name: strings(block[name]) for name in ("user", "item")})


def _is_file(text: str) -> bool:
    return len(text) < 4_096 and "\0" not in text and plain_suffix(Path(text)) in READ


def _read(
    graph: KnowledgeGraph, table: TableFile, column: str, skip_unknown: bool
) -> Iterable[str]:
    for block, lines in table.blocks(_BLOCK_ROWS):
        ids = strings(block[column])
        missing = graph.items.vocab.lookup(ids) < 0
        if missing.any() and not skip_unknown:
            refuse(table, graph.items.vocab, ids, lines, int(missing.argmax()))
        yield from ids.filter(pa.array(~missing)).to_pylist()


def _known(graph: KnowledgeGraph, ids: list[str], skip_unknown: bool) -> list[str]:
    rows = graph.items.vocab.lookup(ids) if skip_unknown else graph.items.vocab.index(ids)
    return [node_id for node_id, row in zip(ids, rows, strict=True) if row >= 0]


def _split(text: str) -> list[str]:
    try:
        rows = list(csv.reader([text], skipinitialspace=True))
    except csv.Error as error:
        raise InputError(f"{shown(text)} is no list of ids: {error}") from None
    return [part for part in rows[0] if part] if rows else []
