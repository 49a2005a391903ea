"""The k-core: interactions of users and items that have at least k of them."""

from dataclasses import replace

import numpy as np

from kg.graph import BoolArray, Edges, KnowledgeGraph, Nodes
from kg.vocab import IntArray, Vocab


def k_core(edges: Edges, k: int, num_users: int, num_items: int) -> BoolArray:
    """Return which interactions are left when those of users and items with fewer than k go.

    What goes may leave others with too few, so that it is done until nobody has too few.
    """
    kept = np.ones(len(edges), dtype=np.bool_)
    while True:
        users = np.bincount(edges.src[kept], minlength=num_users)
        items = np.bincount(edges.dst[kept], minlength=num_items)
        few = kept & ((users[edges.src] < k) | (items[edges.dst] < k))
        if not few.any():
            return kept
        kept &= ~few


def without_orphans(graph: KnowledgeGraph, made: dict[str, BoolArray]) -> KnowledgeGraph:
    """Return a graph without those nodes that only edges have made and that have none any more.

    Args:
        graph: the graph.
        made: which nodes of a type edges have made; bool `[num_nodes]`.
    """
    kept = {kind: ~mask for kind, mask in made.items()}
    for (src, _, dst), edges in graph.edges.items():
        kept[src][edges.src] = True
        kept[dst][edges.dst] = True
    if all(mask.all() for mask in kept.values()):
        return graph
    row = {kind: np.cumsum(mask) - 1 for kind, mask in kept.items()}
    return replace(
        graph,
        nodes={
            kind: _take(nodes, np.flatnonzero(kept[kind])) for kind, nodes in graph.nodes.items()
        },
        edges={
            name: replace(edges, src=row[name[0]][edges.src], dst=row[name[2]][edges.dst])
            for name, edges in graph.edges.items()
        },
    )


def _take(nodes: Nodes, rows: IntArray) -> Nodes:
    return Nodes(
        vocab=Vocab(nodes.vocab.ids.take(rows), nodes.vocab.kind),
        title=nodes.title.take(rows),
        text=nodes.text.take(rows),
        domains=nodes.domains[rows],
        attributes=nodes.attributes.take(rows),
    )
