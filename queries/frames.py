"""Data frames to a graph: interactions, items and perhaps users, with columns by name."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from kg.errors import InputError
from kg.graph import KnowledgeGraph
from kg.importer import import_graph
from kg.mapping import GraphMapping
from kg.rejects import RejectLimit
from kg.tables.sections import EdgeFile, End, NodeFile

_OWN = ("id", "domain", "title", "text")  # every other column of nodes is an attribute


def graph_of_frames(
    interactions: Any, items: Any, users: Any = None, *, folder: Path
) -> KnowledgeGraph:
    """Return the graph that `isthmus import` makes of the same tables.

    Args:
        interactions: columns `user`, `item` and perhaps `weight` and `time` (numbers, or dates); a
            data frame of pandas, or anything else that Arrow reads.
        items: columns `id`, `domain` and perhaps `title` and `text`; all others are attributes.
        users: columns `id` and perhaps `title` and `text`; all others are attributes.
        folder: where the tables are kept.

    Raises:
        InputError: a column is missing, or a row cannot be imported; names it.
    """
    tables = {
        "items": _table("items", items, "id", "domain"),
        "interactions": _table("interactions", interactions, "user", "item"),
    }
    if users is not None:
        tables["users"] = _table("users", users, "id")
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        pa.parquet.write_table(table, folder / f"{name}.parquet")
    given = tables["interactions"].column_names
    edges = EdgeFile(
        file=("interactions.parquet",),
        relation="interacts",
        src=End(type="user", column="user", create=True),
        dst=End(type="item", column="item"),
        weight="weight" if "weight" in given else None,
        time="time" if "time" in given else None,
    )
    nodes = [_nodes(name[:-1], name, tables[name]) for name in ("items", "users") if name in tables]
    mapping = GraphMapping(nodes=tuple(nodes), edges=(edges,), folder=folder)
    try:
        return import_graph(mapping, limit=RejectLimit.none()).graph
    except InputError as error:
        raise type(error)(str(error).replace(f"{folder}/", "").replace(".parquet", "")) from None


def _nodes(node_type: str, name: str, table: pa.Table) -> NodeFile:
    has = table.column_names
    texts = tuple(column for column in ("title", "text") if column in has)
    return NodeFile(
        file=(f"{name}.parquet",),
        type=node_type,
        id="id",
        domain_column="domain" if "domain" in has and node_type == "item" else None,
        title="title" if "title" in has else None,
        text=texts,
        attributes=tuple(column for column in has if column not in _OWN),
    )


def _table(name: str, frame: Any, *needed: str) -> pa.Table:
    try:
        if type(frame).__module__.partition(".")[0] == "pandas":
            table = pa.Table.from_pandas(frame, preserve_index=False)
        else:
            table = pa.table(frame)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InputError(f"{name} is no table that Arrow reads: {error}") from None
    for column in needed:
        if column not in table.column_names:
            raise InputError(
                f"{name} has no column {column!r} (columns: {', '.join(table.column_names)})"
            )
    return table
