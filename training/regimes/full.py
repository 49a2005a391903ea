"""The whole graph in every step: the network computes all nodes, the step takes its own."""

from collections.abc import Mapping

import torch
from torch import Tensor

from gnn.model import Embeddings, TransferGNN
from gnn.views import GraphView
from training.regimes.base import Pairs, Regime
from training.simulation import Draw, Simulation


class Full(Regime):
    """Full propagation, for what fits: states of all nodes and their gradients are in memory.

    Args:
        model: the network.
        simulation: draws worlds.
        device: of model, graph and channels.
        world_steps: steps until others are drawn to play cold.
        x: channels by node type and name, `[num_nodes, in_channels]`.
        graph: the training graph.
    """

    name = "full"

    def __init__(
        self,
        model: TransferGNN,
        simulation: Simulation,
        device: torch.device,
        world_steps: int,
        *,
        x: Mapping[str, Mapping[str, Tensor]],
        graph: GraphView,
    ) -> None:
        super().__init__(model, simulation, device, world_steps)
        self._x, self._graph = x, graph

    def embed(
        self, world: Draw, wanted: Mapping[str, Tensor], answers: Pairs, draws: torch.Generator
    ) -> Embeddings:
        """Return rows of the embeddings of all nodes, see `Regime`."""
        everything: Embeddings = self.model(self._x, world.view)
        users, items = wanted[self.model.user_type], wanted[self.model.item_type]
        return Embeddings(
            z={name: everything.z[name].index_select(0, rows) for name, rows in wanted.items()},
            item_bias=everything.item_bias.index_select(0, items),
            domain_views={
                edge: rows.index_select(0, users) for edge, rows in everything.domain_views.items()
            },
        )

    @torch.no_grad()
    def embed_all(self) -> Embeddings:
        """Return embeddings of every node, see `Regime`."""
        embeddings: Embeddings = self.model(self._x, self._graph.view())
        return embeddings
