"""What is in a graph: schema, domains, overlap, degrees, text, and what did not load."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.graph import EdgeType, KnowledgeGraph
from kg.rejects import Account
from kg.vocab import IntArray

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)


@dataclass(frozen=True, kw_only=True)
class NodeSummary:
    """One node type.

    Attributes:
        count: nodes.
        with_text: nodes whose text is not empty.
        by_domain: nodes in each domain, in the order of the graph's domains.
        attributes: attribute names and their Arrow types.
    """

    type: str
    count: int
    with_text: int
    by_domain: tuple[int, ...]
    attributes: dict[str, str]

    @property
    def text_coverage(self) -> float:
        """Share of nodes with text, 0 where there are no nodes."""
        return self.with_text / self.count if self.count else 0.0


@dataclass(frozen=True, kw_only=True)
class EdgeSummary:
    """One edge type.

    Attributes:
        count: edges.
        weight: least and greatest weight, None without edges.
        timed: whether the edges have times.
        out_degree: `QUANTILES` of edges per source node, over nodes that have any.
        in_degree: the same per destination node.
    """

    type: EdgeType
    count: int
    weight: tuple[float, float] | None
    timed: bool
    out_degree: tuple[float, ...]
    in_degree: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class DomainSummary:
    """One domain: its items, the interactions with them, and the users who have any."""

    name: str
    items: int
    users: int
    interactions: int


@dataclass(frozen=True, kw_only=True)
class Description:
    """What `describe` finds.

    Attributes:
        user_overlap: users with interactions in both domains, `[num_domains][num_domains]`.
        item_overlap: items in both domains, the same shape.
        rejects: rows by (file, reason), most first.
        examples: line and text of the first of each (file, reason).
    """

    nodes: tuple[NodeSummary, ...]
    edges: tuple[EdgeSummary, ...]
    interactions: EdgeType
    domains: tuple[DomainSummary, ...]
    user_overlap: tuple[tuple[int, ...], ...]
    item_overlap: tuple[tuple[int, ...], ...]
    accounts: tuple[Account, ...]
    rejects: tuple[tuple[str, str, int], ...]
    examples: Mapping[tuple[str, str], str] = field(default_factory=dict)


def describe(
    graph: KnowledgeGraph, rejects: Any = None, accounts: Sequence[Account] = ()
) -> Description:
    """Describe a graph and, where they are given, the rejects and accounts of its import."""
    users = np.stack([graph.user_mask(d) for d in graph.domains] or [np.zeros(0, np.bool_)])
    items = graph.items.domains.T
    item_of_edge = graph.interaction_edges.dst
    return Description(
        nodes=tuple(_node_summary(graph, node_type) for node_type in graph.nodes),
        edges=tuple(_edge_summary(graph, edge_type) for edge_type in graph.edges),
        interactions=graph.interactions,
        domains=tuple(
            DomainSummary(
                name=name,
                items=int(items[i].sum()),
                users=int(users[i].sum()),
                interactions=int(items[i][item_of_edge].sum()),
            )
            for i, name in enumerate(graph.domains)
        ),
        user_overlap=_overlap(users) if graph.domains else (),
        item_overlap=_overlap(items) if graph.domains else (),
        accounts=tuple(accounts),
        rejects=_by_reason(rejects),
        examples=_examples(rejects),
    )


def _node_summary(graph: KnowledgeGraph, node_type: str) -> NodeSummary:
    nodes = graph.nodes[node_type]
    return NodeSummary(
        type=node_type,
        count=len(nodes),
        with_text=int(pc.sum(pc.not_equal(nodes.text, "")).as_py() or 0),
        by_domain=tuple(int(count) for count in nodes.domains.sum(axis=0)),
        attributes={field.name: str(field.type) for field in nodes.attributes.schema},
    )


def _edge_summary(graph: KnowledgeGraph, edge_type: EdgeType) -> EdgeSummary:
    edges = graph.edges[edge_type]
    weight = edges.weight
    return EdgeSummary(
        type=edge_type,
        count=len(edges),
        weight=(float(weight.min()), float(weight.max())) if len(edges) else None,
        timed=edges.time is not None,
        out_degree=_quantiles(edges.src),
        in_degree=_quantiles(edges.dst),
    )


def _quantiles(ends: IntArray) -> tuple[float, ...]:
    if not len(ends):
        return tuple(0.0 for _ in QUANTILES)
    degrees = np.bincount(ends)
    return tuple(float(value) for value in np.quantile(degrees[degrees > 0], QUANTILES))


def _overlap(members: Any) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int((one & other).sum()) for other in members) for one in members)


def _by_reason(rejects: Any) -> tuple[tuple[str, str, int], ...]:
    if rejects is None or not rejects.num_rows:
        return ()
    groups = rejects.group_by(["file", "reason"]).aggregate([([], "count_all")])
    found = [(row["file"], row["reason"], row["count_all"]) for row in groups.to_pylist()]
    return tuple(sorted(found, key=lambda row: (-row[2], row[0], row[1])))


def _examples(rejects: Any) -> dict[tuple[str, str], str]:
    if rejects is None or not rejects.num_rows:
        return {}
    numbered = rejects.append_column("row", pa.array(np.arange(rejects.num_rows)))
    first = numbered.group_by(["file", "reason"]).aggregate([("row", "min")])["row_min"]
    return {
        (row["file"], row["reason"]): row["raw"]
        if row["line"] is None
        else f"line {row['line']}: {row['raw']}"
        for row in rejects.take(first).to_pylist()
    }
