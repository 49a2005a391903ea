"""A knowledge graph and its features as PyG `HeteroData`."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch_geometric.data import HeteroData

from gnn.arrays import tensor_over
from gnn.messages import NEAR, NEAR_ACROSS, interaction_types, message_edges
from kg.errors import InputError
from kg.graph import BoolArray, EdgeType, KnowledgeGraph
from kg.vocab import IntArray, Vocab

__all__ = ["NEAR", "NEAR_ACROSS", "interaction_types", "to_hetero"]

FloatArray = npt.NDArray[np.float32]


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
            data[node_type].x = {name: tensor_over(rows) for name, rows in x.items()}
    for edge_type, edges in graph.edges.items():
        what, heads = f"the weight of {edge_type[1]!r} of {edge_type[0]}", edge_type[0]
        fine = np.isfinite(edges.weight) & (edges.weight >= 0)
        _check(fine, what, graph.nodes[heads].vocab, edges.src)
    for edge_type, edges in message_edges(graph).items():
        _add_edges(data, edge_type, edges.src, edges.dst, edges.weight)
    item = graph.item_type
    for relation_near, (near, similarity) in (neighbours or {}).items():
        there = (near >= 0) & (similarity > 0)
        dst = np.broadcast_to(np.arange(len(near))[:, None], near.shape)[there]
        # the fourth power makes the nearest count most, as in the text-kNN bridge
        _add_edges(data, (item, relation_near, item), near[there], dst, similarity[there] ** 4)
    return data


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


def _add_edges(
    data: HeteroData,
    edge_type: EdgeType,
    src: IntArray,
    dst: IntArray,
    weight: FloatArray,
) -> None:
    ends = np.stack([src, dst]).astype(np.int64, copy=False)
    data[edge_type].edge_index = torch.from_numpy(ends)
    data[edge_type].edge_weight = tensor_over(np.asarray(weight, dtype=np.float32))
