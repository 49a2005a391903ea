"""Tables of new nodes and new edges: CSV, TSV or Parquet."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.types as pat

from kg.additions.columns import NODES as KNOWN_NODES
from kg.additions.columns import check_edge_columns, domains_in
from kg.errors import InputError
from kg.tables.rows import check_columns
from queries.newcomers.tables import ATTRIBUTE, EDGES, NODES
from queries.tables import open_table

BLOCK = 10_000  # rows read at once


def read_nodes(path: Path) -> Any:
    """Read new nodes, as `Newcomers.nodes`.

    Columns: `id`, and as far as they are known `type` (users without it), `title`, `text` and
    `domain` (several with `|`); every other column is an attribute of that name.

    Args:
        path: the file.

    Raises:
        InputError: no such file, not a table, or without a column `id`.
    """
    table, places = _read(path, ["id"])
    columns = {name: _texts(table, name) for name in ("type", "id", "title", "text")}
    domains = [
        list(domains_in(cell)) if cell else None for cell in _texts(table, "domain").to_pylist()
    ]
    found = pa.table(
        {**columns, "domains": pa.array(domains, NODES.field("domains").type), "place": places}
    ).cast(NODES)
    for name in table.column_names:
        if name not in KNOWN_NODES:
            found = found.append_column(ATTRIBUTE + name, _cells(table[name]))
    return found


def read_edges(path: Path) -> Any:
    """Read new edges, as `Newcomers.edges`.

    Columns: `src` and `dst`, and as far as they are known `relation` (interactions without it),
    `weight`, and `src_type` and `dst_type` where an id alone does not tell. A column `time` is for
    `isthmus update`; here what nobody has seen yet is the latest.

    Args:
        path: the file.

    Raises:
        InputError: no such file, not a table, without the columns `src` and `dst`, with a column
            that is not one of these, or with a weight that is no number.
    """
    table, places = _read(path, ["src", "dst"])
    check_edge_columns(path, table.column_names)
    names = ("relation", "src", "dst", "src_type", "dst_type")
    columns: dict[str, Any] = {name: _texts(table, name) for name in names}
    columns["weight"] = pa.array(
        _numbers(_texts(table, "weight").to_pylist(), places), pa.float64()
    )
    columns["place"] = places
    return pa.table({field.name: columns[field.name] for field in EDGES}).cast(EDGES)


def _read(path: Path, needed: Sequence[str]) -> tuple[Any, list[str]]:
    """Return a table and, for each of its rows, how a message names it."""
    file = open_table(path)
    check_columns(needed, file.schema.names, path)
    blocks, places = [file.schema.empty_table()], []
    for block, lines in file.blocks(BLOCK):
        blocks.append(block)
        places += [file.place(int(line)) for line in lines]
    return pa.concat_tables(blocks).combine_chunks(), places


def _texts(table: Any, name: str) -> Any:
    """Return a column as texts, null where it is empty or missing."""
    if name not in table.column_names:
        return pa.nulls(table.num_rows, pa.string())
    return _cells(table[name].cast(pa.string()))


def _cells(column: Any) -> Any:
    if not pat.is_string(column.type):
        return column
    cells = [cell if cell and cell.strip() else None for cell in column.to_pylist()]
    return pa.array(cells, pa.string())


def _numbers(cells: Iterable[str | None], places: list[str]) -> list[float | None]:
    found: list[float | None] = []
    for cell, place in zip(cells, places, strict=True):
        try:
            found.append(None if cell is None else float(cell))
        except ValueError:
            raise InputError(f"{place}: weight {cell!r} is not a number") from None
    return found
