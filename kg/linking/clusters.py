"""Links to clusters of nodes that are one, with a guard against clusters that cannot be."""

from dataclasses import dataclass

import numpy as np

from kg.graph import BoolArray
from kg.vocab import IntArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Clusters:
    """Nodes that are one.

    Attributes:
        of: the node that each node becomes, itself where it stays; int64 `[num_nodes]`.
        too_large: links whose cluster is too large, so that none of it merges; bool `[num_links]`.
        sizes: how many nodes each link's cluster has, int64 `[num_links]`.
    """

    of: IntArray
    too_large: BoolArray
    sizes: IntArray


def cluster(source: IntArray, target: IntArray, limit: IntArray, priority: IntArray) -> Clusters:
    """Put nodes that links connect into clusters, each called by its node of least priority.

    Args:
        source: one end of each link, a row of `priority`, `[num_links]`.
        target: the other end.
        limit: most nodes of a cluster that has this link; the least in a cluster counts.
        priority: of each node, all different, `[num_nodes]`.
    """
    from scipy import sparse  # slow to import, and most graphs have no links
    from scipy.sparse.csgraph import connected_components

    count = len(priority)
    shape = (count, count)
    links = sparse.coo_matrix((np.ones(len(source), dtype=np.int8), (source, target)), shape=shape)
    number, component = connected_components(links, directed=False)
    size = np.bincount(component, minlength=number)
    allowed = np.full(number, count, dtype=np.int64)
    np.minimum.at(allowed, component[source], limit)
    order = np.argsort(priority)
    first = np.empty(number, dtype=np.int64)
    first[component[order[::-1]]] = order[::-1]  # of repeats the last written stays
    merged = size <= allowed
    own = np.arange(count)
    return Clusters(
        of=np.where(merged[component], first[component], own),
        too_large=~merged[component[source]],
        sizes=size[component[source]].astype(np.int64),
    )
