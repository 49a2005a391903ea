"""Metapaths of the light network, and what each of them weighs."""

from typing import NamedTuple

import torch
from torch import Tensor

from gnn.convolutions.light import LightRelationConv
from gnn.convolutions.lightgcn import LightGraphConv
from gnn.fusion import HISTORY
from gnn.layers import EdgeType, gate_name
from gnn.model import TransferGNN
from gnn.views import GraphView


class Root(NamedTuple):
    """Inputs of a node type: what its nodes are, or one of their histories."""

    node_type: str
    history: str | None = None  # the channel


class Step(NamedTuple):
    """One relation, in one direction."""

    edge_type: EdgeType
    reverse: bool

    @property
    def start(self) -> str:
        """The node type that sends."""
        return self.edge_type[2 if self.reverse else 0]

    @property
    def end(self) -> str:
        """The node type that receives."""
        return self.edge_type[0 if self.reverse else 2]


class Path(NamedTuple):
    """Inputs, and the relations they are carried along, the first one first."""

    root: Root
    steps: tuple[Step, ...] = ()

    @property
    def end(self) -> str:
        """The node type where it ends."""
        return self.steps[-1].end if self.steps else self.root.node_type


def can_decouple(model: TransferGNN) -> bool:
    """Return whether a network is linear in its inputs, but for gates that do not mix nodes."""
    return all(isinstance(conv, LightRelationConv | LightGraphConv) for conv in model.convs)


def metapaths(model: TransferGNN, graph: GraphView) -> list[Path]:
    """Return all metapaths of a network: those without a step first, then by length.

    A type with nothing to say begins none. Over R relations there are about (2 R)^L of length L.

    Args:
        model: a network that `can_decouple`.
        graph: its graph; relations without an edge carry nothing.
    """
    steps = _steps(model, graph)
    last = [Path(root) for root in roots(model)]
    found = last
    for _ in model.convs:
        last = [
            Path(path.root, (*path.steps, step))
            for path in last
            for step in steps
            if step.start == path.end
        ]
        found = found + last
    return found


def count_metapaths(model: TransferGNN, graph: GraphView) -> int:
    """Return how many `metapaths` there are, without listing them."""
    last: dict[str, int] = {}
    for root in roots(model):
        last[root.node_type] = last.get(root.node_type, 0) + 1
    total = sum(last.values())
    for _ in model.convs:
        longer: dict[str, int] = {}
        for step in _steps(model, graph):
            longer[step.end] = longer.get(step.end, 0) + last.get(step.start, 0)
        last = longer
        total += sum(last.values())
    return total


def roots(model: TransferGNN) -> list[Root]:
    """Return what there is to carry: what nodes are by type, and every history."""
    found = []
    for node_type in model.names:
        layer = model.node_input(node_type)
        histories = [channel for channel in layer.names if channel.startswith(HISTORY)]
        if layer.residual is not None or len(layer.names) > len(histories):
            found.append(Root(node_type))
        found += [Root(node_type, channel) for channel in histories]
    return found


def weigh(model: TransferGNN, path: Path) -> Tensor:
    """Return the product of the gates of a metapath, part by part, float `[num_parts]`.

    Without what the embedding of its end mixes it with.
    """
    weight = torch.ones(int(model.part[-1]) + 1, device=model.part.device)
    if path.root.history is not None:
        layer = model.node_input(path.root.node_type)
        weight = weight * layer.gates[layer.names[path.root.history]]
    for conv, step in zip(model.convs, path.steps, strict=False):
        if isinstance(conv, LightRelationConv):
            direction = "rev_" if step.reverse else ""
            weight = weight * conv.gates[direction + gate_name(step.edge_type)]
    return weight


def weights(model: TransferGNN, paths: list[Path]) -> Tensor:
    """Return what metapaths count in the embeddings at their ends, float `[num_paths, width]`."""
    weighed = [
        weigh(model, path) * model.mix[model.names[path.end]][len(path.steps)] for path in paths
    ]
    return torch.stack(weighed)[:, model.part]


def _steps(model: TransferGNN, graph: GraphView) -> list[Step]:
    relations = [*model.interactions, *model.knowledge]
    if any(isinstance(conv, LightGraphConv) for conv in model.convs):
        relations = model.interactions
    return [
        Step(edge_type, reverse)
        for edge_type in relations
        if len(graph.adjacencies[edge_type])
        for reverse in (False, True)
    ]
