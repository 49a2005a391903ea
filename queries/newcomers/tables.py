"""New nodes and new edges as tables, before anything is known of the graph they come to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc

USER = "you"
ATTRIBUTE = "attribute."  # what columns of attributes begin with
NODES = pa.schema(
    {
        "type": pa.string(),
        "id": pa.string(),
        "title": pa.string(),
        "text": pa.string(),
        "domains": pa.list_(pa.string()),
        "place": pa.string(),
    }
)
EDGES = pa.schema(
    {
        "relation": pa.string(),
        "src": pa.string(),
        "dst": pa.string(),
        "weight": pa.float64(),
        "src_type": pa.string(),
        "dst_type": pa.string(),
        "place": pa.string(),
    }
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Newcomers:
    """Nodes that a model has not seen, and what is known of them.

    Tables of several can be put together: `Newcomers.likes([...]) + Newcomers.text("...")`.

    Attributes:
        nodes: columns of `NODES`, and `attribute.NAME` for what else is known. A node without a
            type is a user. `place` is where a message says that a row came from.
        edges: columns of `EDGES`. An edge without a relation is an interaction; a type that is not
            given is found by the id.
    """

    nodes: Any
    edges: Any

    @classmethod
    def likes(cls, items: Sequence[str], user_id: str = USER, *, text: str = "") -> Self:
        """Return one new user who used some items, and of whom a text may be known."""
        used = list(dict.fromkeys(items))
        return cls(
            nodes=_table(NODES, id=[user_id], text=[text]),
            edges=_table(EDGES, src=[user_id] * len(used), dst=used),
        )

    @classmethod
    def people(cls, histories: Mapping[str, Iterable[str]]) -> Self:
        """Return new users by id, each with the items that they used."""
        used = {user: list(dict.fromkeys(items)) for user, items in histories.items()}
        users = [user for user, items in used.items() for _ in items]
        return cls(
            nodes=_table(NODES, id=list(used)),
            edges=_table(EDGES, src=users, dst=[item for some in used.values() for item in some]),
        )

    @classmethod
    def text(cls, text: str, user_id: str = USER) -> Self:
        """Return one new user of whom a text is known: a profile, or what they look for."""
        return cls.likes((), user_id, text=text)

    @classmethod
    def item(
        cls, item_id: str, text: str, domains: Sequence[str], *, node_type: str, title: str = ""
    ) -> Self:
        """Return one new item of which a text is known."""
        return cls(
            nodes=_table(
                NODES,
                type=[node_type],
                id=[item_id],
                title=[title],
                text=[text],
                domains=[list(domains)],
            ),
            edges=EDGES.empty_table(),
        )

    @classmethod
    def from_files(cls, nodes: Path | None, edges: Path | None = None) -> Self:
        """Read tables of new nodes and new edges, as `queries.newcomers.files` says.

        Raises:
            InputError: a file is missing or is no such table; names file, line and column.
        """
        from queries.newcomers.files import read_edges, read_nodes

        return cls(
            nodes=NODES.empty_table() if nodes is None else read_nodes(nodes),
            edges=EDGES.empty_table() if edges is None else read_edges(edges),
        )

    def __add__(self, other: "Newcomers") -> "Newcomers":
        """Return both; of a node that both have, the facts that either knows."""
        nodes = pa.concat_tables([self.nodes, other.nodes], promote_options="default")
        return Newcomers(nodes=nodes, edges=pa.concat_tables([self.edges, other.edges]))

    def __len__(self) -> int:
        return int(pc.count_distinct(self.nodes["id"]).as_py())


def _table(schema: Any, **columns: Sequence[Any]) -> Any:
    """Return a table of some columns; the others are null."""
    size = len(next(iter(columns.values())))
    arrays = [
        pa.array(columns[field.name], field.type)
        if field.name in columns
        else pa.nulls(size, field.type)
        for field in schema
    ]
    return pa.table(arrays, schema=schema)
