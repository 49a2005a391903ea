"""Nodes of requests that the graph does not have, added to stay."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from kg.errors import InputError
from queries.recommender import Recommender
from queries.serving.bodies import Add, NewNode

if TYPE_CHECKING:
    from queries.newcomers.tables import Newcomers


def with_added(recommender: Recommender, requests: Sequence[Add]) -> Recommender:
    """Return a recommender that knows the nodes and edges of requests, in their order.

    Raises:
        UnknownIdError: an edge ends at a node that is neither there nor new.
        InputError: a node is there already, or something does not fit the graph.
    """
    if not requests:
        return recommender
    together = _newcomers(requests[0])
    for request in requests[1:]:
        together = together + _newcomers(request)
    return recommender.with_newcomers(together)


def count(recommender: Recommender) -> int:
    """Return how many nodes there are, of all types."""
    return sum(map(len, recommender.graph.nodes.values()))


def _newcomers(request: Add) -> "Newcomers":
    from queries.newcomers.tables import ATTRIBUTE, EDGES, NODES, Newcomers

    columns: dict[str, list[Any]] = {
        name: [getattr(node, name, None) for node in request.nodes] for name in NODES.names
    }
    columns["place"] = [f"nodes.{place}" for place in range(len(request.nodes))]
    nodes = pa.table({name: columns[name] for name in NODES.names}, schema=NODES)
    for name in sorted({name for node in request.nodes for name in node.attributes}):
        nodes = nodes.append_column(ATTRIBUTE + name, _attribute(name, request.nodes))
    edges: dict[str, list[Any]] = {
        name: [getattr(edge, name, None) for edge in request.edges]
        for name in EDGES.names
        if name != "place"
    }
    edges["place"] = [f"edges.{place}" for place in range(len(request.edges))]
    return Newcomers(nodes=nodes, edges=pa.table(edges, schema=EDGES))


def _attribute(name: str, nodes: Sequence[NewNode]) -> Any:
    values = [node.attributes.get(name) for node in nodes]
    try:
        return pa.array(values)
    except pa.ArrowException:
        raise InputError(f"attribute {name!r} has values of several kinds") from None
