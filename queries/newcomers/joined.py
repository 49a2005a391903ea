"""What new items are joined to by relations."""

from collections.abc import Mapping

import numpy as np

from kg.graph import EdgeType, KnowledgeGraph
from training.baselines.matrices import Sparse


def joined_to(graph: KnowledgeGraph, counts: Mapping[str, int]) -> dict[EdgeType, Sparse]:
    """Return the nodes that were there at the other ends of new items' edges, by edge type."""
    from scipy.sparse import csr_array

    item, first, found = graph.item_type, counts[graph.item_type], {}
    size = len(graph.items) - first
    for edge_type, edges in graph.edges.items():
        src, _, dst = edge_type
        if item not in (src, dst) or graph.user_type in (src, dst):
            continue
        ends = []
        for kind, own, others in ((src, edges.src, edges.dst), (dst, edges.dst, edges.src)):
            other = dst if kind == src else src
            if kind == item:
                kept = (own >= first) & (others < counts[other])
                ends.append((own[kept] - first, others[kept]))
        rows, columns = (np.concatenate(each) for each in zip(*ends, strict=True))
        width = counts[dst if src == item else src]
        matrix = csr_array(
            (np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=(size, width)
        )
        matrix.data[:] = 1
        found[edge_type] = matrix
    return found
