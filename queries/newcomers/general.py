"""Networks of any architecture, with torch: one pass over the graph, then newcomers alone."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from encoders.channels.fitted import Channels
from gnn.data import to_hetero
from gnn.fusion import NodeInput
from gnn.messages import interaction_types
from gnn.model import TransferGNN
from gnn.oneway import OneWay
from gnn.views import GraphView
from kg.graph import EdgeType, FloatArray
from kg.vocab import IntArray
from queries.newcomers.incoming import Incoming
from queries.newcomers.light import Degree, Take

if TYPE_CHECKING:
    from queries.newcomers.ground import Ground

NEAR_COLD = "near_cold."


class GeneralNetwork:
    """States of the nodes that were there, of one forward pass; newcomers hear the same hops.

    A hop is done over newcomers and those they hear alone: what reaches a node depends on nothing
    else.

    Args:
        ground: the model.
    """

    def __init__(self, ground: "Ground") -> None:
        self._ground = ground

    def present(self, layer: int, kind: str) -> bool:
        """Return whether nodes of a type have states after so many hops."""
        return kind in self._states[layer]

    def take(self, layer: int, kind: str, rows: IntArray) -> FloatArray:
        """Return states of nodes that were there, float32 `[len(rows), width]`."""
        states = self._states[layer].get(kind)
        if states is None:
            return np.zeros((len(rows), self._ground.weights.width), dtype=np.float32)
        return states[rows]

    @torch.no_grad()
    def input(self, kind: str, channels: Mapping[str, FloatArray], size: int) -> FloatArray:
        """Return the first states of new nodes, `[size, width]`."""
        known = self._model.node_input(kind)
        names = {c: f"project.{name}.weight" for c, name in known.names.items()}
        widths = {c: known.get_parameter(name).shape[1] for c, name in names.items()}
        layer = NodeInput(size, known.part, widths, residual=False, fusion=known.fusion)
        given = {k: v for k, v in known.state_dict().items() if k != "residual"}
        layer.load_state_dict(given)
        nothing = {c: np.zeros((size, width), np.float32) for c, width in widths.items()}
        rows = layer({c: _tensor(channels.get(c, empty)) for c, empty in nothing.items()})
        width = self._ground.weights.width
        return np.zeros((size, width), np.float32) if rows is None else rows.numpy()

    @torch.no_grad()
    def hop(
        self,
        layer: int,
        kinds: Mapping[str, IntArray],
        edges: list[tuple[Incoming, FloatArray]],
        take: Take,
        degree: Degree,
    ) -> dict[str, FloatArray]:
        """Return the next states of new nodes, `[size, width]` by type.

        Args:
            layer: hops before this one.
            kinds: rows of the new nodes of each type.
            edges: over which they hear, with what each carries (w / sqrt(d d)).
            take: returns states before this hop.
            degree: returns degrees at one end of an edge type.
        """
        places = _Places(kinds, [some for some, _ in edges], self._ground.counts)
        h = {
            kind: _tensor(take(layer, kind, rows))
            for kind, rows in places.rows.items()
            if self.present(layer, kind)
        }
        propagations = {
            edge_type: self._one_way(edge_type, places, edges, degree)
            for edge_type in self._graph.adjacencies
            if edge_type[0] in places.rows and edge_type[2] in places.rows
        }
        found, _ = self._model.convs[layer](h, propagations)
        return {
            kind: found[kind][: len(rows)].numpy() for kind, rows in kinds.items() if kind in found
        }

    def _one_way(
        self,
        edge_type: EdgeType,
        places: "_Places",
        edges: list[tuple[Incoming, FloatArray]],
        degree: Degree,
    ) -> OneWay:
        parts: list[tuple[IntArray, IntArray, FloatArray, FloatArray]] = []  # ends, both ways
        degrees = [degree(edge_type, end, places.rows[edge_type[end]]) for end in (0, 2)]
        for some, carried in edges:
            if some.edge_type != edge_type:
                continue
            senders = places.of(some.sender_type, some.senders)
            nothing = np.zeros_like(carried)
            if some.backwards:
                parts.append((some.receivers, senders, nothing, carried))
            else:
                parts.append((senders, some.receivers, carried, nothing))
            of_senders = degrees[1 if some.backwards else 0]
            of_senders[senders] = np.where(of_senders[senders] > 0, of_senders[senders], 1)
        if not parts:  # not every architecture does without any edge: one that carries nothing
            nowhere, nothing = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.float32)
            parts.append((nowhere, nowhere, nothing, nothing))
        src, dst, *values = (np.concatenate(each) for each in zip(*parts, strict=True))
        ends = torch.from_numpy(src), torch.from_numpy(dst)
        return OneWay(*ends, *map(_tensor, degrees), *map(_tensor, values))

    @cached_property
    def _channels(self) -> Channels:
        ground = self._ground
        return {
            kind: ground.inputs(kind, np.arange(count)) for kind, count in ground.counts.items()
        }

    @cached_property
    def _data(self) -> object:
        ground = self._ground
        item = ground.train.item_type
        size = ground.counts[item]
        near = [name for name in ground.weights.arrays if name.startswith(NEAR_COLD)]
        nobody = np.full((size, 1), -1), np.zeros((size, 1), dtype=np.float32)
        nowhere = {name.removeprefix(NEAR_COLD): nobody for name in near}
        return to_hetero(ground.train, self._channels, nowhere)

    @cached_property
    def _graph(self) -> GraphView:
        train = self._ground.train
        return GraphView(self._data, train.user_type, train.item_type, interaction_types(train))

    @cached_property
    def _model(self) -> TransferGNN:
        weights, shape = self._ground.weights, self._ground.job.model
        parts = tuple(np.bincount(weights.part).tolist())
        with torch.random.fork_rng(devices=[]):  # parameters are drawn, and then replaced
            model = TransferGNN(
                self._graph,
                self._data,
                parts=parts,
                layers=shape.layers,
                decoder=shape.decoder,
                fusion=shape.fusion,
                convolution=shape.convolution,
                knowledge_decoder=shape.knowledge_decoder,
            )
        model.load_state_dict({k: torch.from_numpy(v) for k, v in weights.arrays.items()})
        return model

    @cached_property
    def _states(self) -> list[dict[str, FloatArray]]:
        x = {kind: {c: _tensor(v) for c, v in x.items()} for kind, x in self._channels.items()}
        with torch.no_grad():
            states, _ = self._model.states(x, self._graph.view())
        return [{kind: rows.float().numpy() for kind, rows in h.items()} for h in states]


def _tensor(values: FloatArray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


class _Places:
    """Rows of a small graph: newcomers first, and behind them those they hear.

    Attributes:
        rows: in the large graph, by node type; of each type one at least.
    """

    def __init__(
        self, kinds: Mapping[str, IntArray], edges: list[Incoming], counts: Mapping[str, int]
    ) -> None:
        self.rows: dict[str, IntArray] = {}
        for kind, count in counts.items():
            new = kinds.get(kind, np.zeros(0, dtype=np.int64))
            heard = [some.senders for some in edges if some.sender_type == kind]
            others = np.setdiff1d(np.concatenate([new[:0], *heard]), new)
            rows = np.concatenate([new, others])
            if len(rows) or count:
                self.rows[kind] = rows if len(rows) else np.zeros(1, dtype=np.int64)
        self._order = {kind: np.argsort(rows) for kind, rows in self.rows.items()}

    def of(self, kind: str, rows: IntArray) -> IntArray:
        """Return where rows of the large graph stand."""
        order = self._order[kind]
        return order[np.searchsorted(self.rows[kind], rows, sorter=order)]
