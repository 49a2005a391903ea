"""Rows of a graph to what people and programs read: ids, titles, tables."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kg.errors import InputError, nearest, shown
from kg.graph import FloatArray, KnowledgeGraph, Nodes
from kg.vocab import IntArray
from queries.filters import as_ids
from queries.probabilities import Probability

Ids = npt.NDArray[np.object_]  # of str
ANSWERS = pa.schema(
    {
        "user": pa.string(),
        "rank": pa.int32(),
        "item": pa.string(),
        "title": pa.string(),
        "score": pa.float32(),
    }
)
PROBABILITY = pa.field("probability", pa.float64())


def width(k: int, nodes: Nodes) -> int:
    """Return how many answers there may be: `k`, or as many as there are nodes.

    Raises:
        InputError: `k` is no number from 1 on.
    """
    if not isinstance(k, int | np.integer) or k < 1:
        raise InputError(f"k = {k!r}: expected at least 1")
    return min(int(k), len(nodes))


def node_type_of(graph: KnowledgeGraph, name: str | None) -> str:
    """Return a node type that the graph has; None is that of items.

    Raises:
        InputError: there is none of that name; names the nearest.
    """
    if name is None:
        return graph.item_type
    if name not in graph.nodes:
        known = ", ".join(graph.nodes)
        hint = nearest(name, graph.nodes)
        raise InputError(f"unknown node type {shown(name)}{hint} (types: {known})")
    return name


def rows_of_pairs(
    graph: KnowledgeGraph, user_ids: Sequence[str], item_ids: Sequence[str]
) -> tuple[IntArray, IntArray]:
    """Return the rows of users and of items, `[num_pairs]` each.

    Raises:
        UnknownIdError: a user or item is unknown.
        InputError: not as many users as items.
    """
    if isinstance(user_ids, str) or isinstance(item_ids, str) or len(user_ids) != len(item_ids):
        raise InputError("score needs as many users as items, in two sequences")
    return graph.users.vocab.index(as_ids(user_ids)), graph.items.vocab.index(as_ids(item_ids))


def id_answers(
    nodes: Nodes, rows: IntArray, scores: FloatArray, *, single: bool
) -> tuple[Ids, FloatArray]:
    """Return rows as ids: padded for a batch, cut for a single query."""
    ids: Ids = np.full(rows.shape, "", dtype=object)
    ids[rows >= 0] = nodes.vocab.to_ids(rows[rows >= 0])
    if not single:
        return ids, scores
    left = rows[0] >= 0
    return ids[0][left], scores[0][left]


def titles_at(nodes: Nodes, rows: IntArray) -> pa.Array:
    """Return what people call the nodes at rows, their ids where that is unknown."""
    at = pa.array(rows)
    titles = nodes.title.take(at)
    return pc.if_else(pc.equal(titles, ""), nodes.vocab.ids.take(at), titles)


def titles_of(nodes: Nodes, node_ids: Sequence[str]) -> list[str]:
    """Return the titles of nodes; `""` (padding) stays `""`.

    Raises:
        UnknownIdError: a node is unknown.
    """
    ids = [str(node_id) for node_id in node_ids]
    named = [place for place, node_id in enumerate(ids) if node_id]
    rows = nodes.vocab.index([ids[place] for place in named])
    titles = [""] * len(ids)
    for place, title in zip(named, titles_at(nodes, rows).to_pylist(), strict=True):
        titles[place] = title
    return titles


def without_padding(asked: IntArray, rows: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return who asked, the rank from 1 and the row of every answer; `[num_answers]` each.

    Args:
        asked: rows `[num_asked]`.
        rows: answers to each, best first, `[num_asked, k]`; -1 where there is none.
    """
    found = rows >= 0
    rank = np.broadcast_to(np.arange(1, rows.shape[1] + 1, dtype=np.int32), rows.shape)
    return np.repeat(asked, found.sum(axis=1)), rank[found], rows[found]


def table_of(
    graph: KnowledgeGraph,
    users: IntArray,
    rows: IntArray,
    scores: FloatArray,
    probabilities: Probability | None = None,
) -> pa.Table:
    """Return one row an answer, without padding: user, rank from 1, item, title, score.

    Args:
        graph: has the ids and titles.
        users: rows `[num_users]`.
        rows: items of each user, best first, `[num_users, k]`; -1 where there is none.
        scores: `[num_users, k]`.
        probabilities: `[num_users, k]`, a last column; null where none is known.
    """
    found = rows >= 0
    owners, rank, items = without_padding(users, rows)
    columns = [
        graph.users.vocab.ids.take(pa.array(owners)),
        pa.array(rank),
        graph.items.vocab.ids.take(pa.array(items)),
        titles_at(graph.items, items),
        pa.array(scores[found]),
    ]
    table = pa.table(columns, schema=ANSWERS)
    if probabilities is None:
        return table
    return table.append_column(PROBABILITY, pa.array(probabilities[found], from_pandas=True))
