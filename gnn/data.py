"""A knowledge graph and its features as PyG `HeteroData`."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from kg.errors import InputError
from kg.graph import BoolArray, EdgeType, KnowledgeGraph
from kg.vocab import IntArray, Vocab

FloatArray = npt.NDArray[np.float32]
NEAR = "near"  # relation of an item to the items of its domains nearest to it in text
NEAR_ACROSS = "near_across"  # the same, to items of other domains


def to_hetero(
    graph: KnowledgeGraph,
    channels: Mapping[str, Mapping[str, FloatArray]],
    neighbours: Mapping[str, tuple[IntArray, FloatArray]] | None = None,
) -> HeteroData:
    """Return the graph as PyG data.

    Each node type has `num_nodes` and, where there is anything to say about its nodes, `x`: a dict
    of channels by name, such as `x["text"]`, in which a zero row says nothing. Interactions become
    one edge type per domain (`interacts:films`), so that the network can tell a user's films from
    their books. Reverses are not stored: propagation runs both ways over one matrix.

    Args:
        graph: what may be learned from (a split's `train`).
        channels: vectors by node type and channel, float32 `[num_nodes, dim]`.
        neighbours: by relation (`near`, `near_across`), rows and similarities of the items nearest
            to each item in text, `[num_items, k]`, row -1 where there are fewer; they become the
            edges `(item, near, item)`.

    Raises:
        InputError: a vector is not finite, a weight is not finite or negative, or the graph has a
            relation that is called as those made here are.
    """
    _check_names(graph)
    data = HeteroData()
    for node_type, nodes in graph.nodes.items():
        data[node_type].num_nodes = len(nodes)
        x = channels.get(node_type, {}) if len(nodes) else {}
        for channel, rows in x.items():
            finite = np.asarray(np.isfinite(rows).all(axis=1))
            _check(finite, f"the {channel} vector of {node_type}", nodes.vocab)
        if x:
            data[node_type].x = {name: _tensor(rows) for name, rows in x.items()}
    useful = {node_type: _connecting(graph, node_type) for node_type in graph.nodes}
    for edge_type, edges in graph.edges.items():
        what, heads = f"the weight of {edge_type[1]!r} of {edge_type[0]}", edge_type[0]
        fine = np.isfinite(edges.weight) & (edges.weight >= 0)
        _check(fine, what, graph.nodes[heads].vocab, edges.src)
        if edge_type == graph.interactions:
            continue
        kept = useful[edge_type[0]][edges.src] & useful[edge_type[2]][edges.dst]
        if kept.any():
            part = edges.take(kept)
            _add_edges(data, edge_type, part.src, part.dst, part.weight)
    item, interactions = graph.item_type, graph.interaction_edges
    for column, edge_type in enumerate(interaction_types(graph)):
        part = interactions.take(graph.items.domains[interactions.dst, column])
        _add_edges(data, edge_type, part.src, part.dst, part.weight)
    for relation_near, (near, similarity) in (neighbours or {}).items():
        there = (near >= 0) & (similarity > 0)
        dst = np.broadcast_to(np.arange(len(near))[:, None], near.shape)[there]
        # the fourth power makes the nearest count most, as in the text-kNN bridge
        _add_edges(data, (item, relation_near, item), near[there], dst, similarity[there] ** 4)
    return data


def interaction_types(graph: KnowledgeGraph) -> list[EdgeType]:
    """Return the edge types that interactions become: one for each domain, in their order."""
    user, relation, item = graph.interactions
    return [(user, f"{relation}:{domain}", item) for domain in graph.domains]


def _check_names(graph: KnowledgeGraph) -> None:
    item = graph.item_type
    made = {(item, NEAR, item), (item, NEAR_ACROSS, item), *interaction_types(graph)}
    for edge_type in made & graph.edges.keys():
        raise InputError(
            f"relation {edge_type[1]!r} from {edge_type[0]} to {edge_type[2]} has a name that the "
            "network gives to edges of its own: call it something else in the mapping"
        )


def _check(fine: BoolArray, what: str, vocab: Vocab, rows: IntArray | None = None) -> None:
    wrong = np.flatnonzero(~fine)
    if len(wrong):
        row = wrong[0] if rows is None else rows[wrong[0]]
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        kind = "finite" if rows is None else "finite and at least 0"
        raise InputError(f"{what} {vocab.id(int(row))!r}{more} must be {kind}")


def _connecting(graph: KnowledgeGraph, node_type: str) -> BoolArray:
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
    has_text = np.array([bool(text) for text in nodes.text.to_pylist()], dtype=np.bool_)
    return np.asarray((degree > 1) | has_text)


def _tensor(rows: FloatArray) -> Tensor:
    # features are frozen, of which torch warns; it does not write to them either
    return torch.from_numpy(rows if rows.flags.writeable else rows.copy())


def _add_edges(
    data: HeteroData,
    edge_type: EdgeType,
    src: IntArray,
    dst: IntArray,
    weight: FloatArray,
) -> None:
    data[edge_type].edge_index = torch.from_numpy(np.stack([src, dst]).astype(np.int64))
    data[edge_type].edge_weight = torch.from_numpy(np.array(weight, dtype=np.float32))
