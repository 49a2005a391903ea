"""Which edges of a graph the network sends messages over."""

from collections.abc import Mapping

import numpy as np
import pyarrow.compute as pc

from kg.graph import BoolArray, Edges, EdgeType, KnowledgeGraph

NEAR = "near"  # relation of an item to the items of its domains nearest to it in text
NEAR_ACROSS = "near_across"  # the same, to items of other domains


def message_edges(graph: KnowledgeGraph) -> dict[EdgeType, Edges]:
    """Return the edges that carry messages, by the edge types that the network knows.

    Args:
        graph: what may be learned from.
    """
    useful = {node_type: connecting(graph, node_type) for node_type in graph.nodes}
    return carrying(graph, graph.edges, useful)


def carrying(
    graph: KnowledgeGraph, edges: Mapping[EdgeType, Edges], useful: Mapping[str, BoolArray]
) -> dict[EdgeType, Edges]:
    """Return those of some edges that carry messages, by the edge types that the network knows.

    Interactions become one edge type per domain (`interacts:films`), so that the network can tell a
    user's films from their books. Of the other relations dead ends are left out, and relations of
    which nothing is left.

    Args:
        graph: its nodes are their ends.
        edges: by edge type of the graph.
        useful: which nodes carry anything (`connecting`), by node type.
    """
    found = {}
    for edge_type, some in edges.items():
        if edge_type != graph.interactions:
            kept = useful[edge_type[0]][some.src] & useful[edge_type[2]][some.dst]
            if kept.any():
                found[edge_type] = some.take(kept)
    used = edges.get(graph.interactions)
    return found if used is None else {**found, **by_domain(graph, used)}


def by_domain(graph: KnowledgeGraph, interactions: Edges) -> dict[EdgeType, Edges]:
    """Return interactions by the edge types of their items' domains; of several, in each."""
    domains = graph.items.domains
    return {
        edge_type: interactions.take(domains[interactions.dst, column])
        for column, edge_type in enumerate(interaction_types(graph))
    }


def interaction_types(graph: KnowledgeGraph) -> list[EdgeType]:
    """Return the edge types that interactions become: one for each domain, in their order."""
    user, relation, item = graph.interactions
    return [(user, f"{relation}:{domain}", item) for domain in graph.domains]


def connecting(graph: KnowledgeGraph, node_type: str) -> BoolArray:
    """Return which nodes join at least two others: all users and items, and no dead ends.

    A node without text that hangs on a single edge can carry nothing from one node to another;
    dumps have many (products outside the catalogue), each of which would cost a learned vector.
    """
    nodes = graph.nodes[node_type]
    if node_type in (graph.user_type, graph.item_type):
        return np.ones(len(nodes), dtype=np.bool_)
    degree = np.zeros(len(nodes), dtype=np.int64)
    for (src_type, _, dst_type), edges in graph.edges.items():
        if src_type == node_type:
            degree += np.bincount(edges.src, minlength=len(nodes))
        if dst_type == node_type:
            degree += np.bincount(edges.dst, minlength=len(nodes))
    has_text = pc.fill_null(pc.greater(pc.binary_length(nodes.text), 0), False)
    return np.asarray((degree > 1) | has_text.to_numpy(zero_copy_only=False))
