"""Some of the neighbours of what a step needs: memory and time are those of the batch."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from gnn.minibatch.layerwise import Allocate, LayerWise
from gnn.minibatch.surroundings import Surroundings
from gnn.minibatch.world import World, Worlds
from gnn.model import Embeddings, TransferGNN
from gnn.views import GraphView
from training.regimes.base import Pairs, Regime
from training.simulation import Draw, Simulation


class Sampled(Regime):
    """Propagation over neighbours that are drawn anew in every step, for any network.

    A message is that of the whole graph in the mean (`gnn.minibatch.surroundings`). Unlike with the
    whole graph, the edges that a step is to predict carry no messages in it. Embeddings of all
    nodes are those of the whole graph: they are made hop by hop, in blocks.

    Args:
        model: the network.
        simulation: draws worlds.
        device: of the model and the graph.
        world_steps: steps until others are drawn to play cold.
        x: channels by node type and name, `[num_nodes, in_channels]`, perhaps mapped from files.
        graph: the training graph, the same.
        fan_out: how many edges of a relation and direction a node hears, by its distance.
        allocate: makes arrays on disk, of states and embeddings of all nodes.
        block_bytes: of states that are held at once where all nodes are embedded.
    """

    name = "sampled"

    def __init__(
        self,
        model: TransferGNN,
        simulation: Simulation,
        device: torch.device,
        world_steps: int,
        *,
        x: Mapping[str, Mapping[str, Tensor]],
        graph: GraphView,
        fan_out: Sequence[int],
        allocate: Allocate,
        block_bytes: int,
    ) -> None:
        super().__init__(model, simulation, device, world_steps)
        self._x, self._fan_out = x, fan_out
        self._worlds = Worlds(graph, model.carriers)
        self._surroundings = Surroundings(
            model.num_nodes, model.user_type, model.item_type, graph.never_seen.device
        )
        block_edges = max(1, block_bytes // (4 * len(model.part)))
        self._whole = LayerWise(model, self._surroundings, self._rows, allocate, block_edges)
        self._draw: Draw | None = None  # that `self._world` was made of
        self._world: World | None = None

    def embed(
        self, world: Draw, wanted: Mapping[str, Tensor], answers: Pairs, draws: torch.Generator
    ) -> Embeddings:
        """Return embeddings of some nodes over neighbours that are drawn, see `Regime`."""
        if self._world is None or self._draw is not world:
            relations = self._simulation.target_relations
            self._draw = world
            self._world = self._worlds.world(world.cold_items, world.cold_users, relations)
        view = self._surroundings.view(
            self._worlds.without(self._world, answers),
            wanted,
            self.model.senders(),
            self._fan_out,
            near=self._fan_out[-1],
            generator=draws,
        )
        embeddings: Embeddings = self.model(self._rows(view.rows), view)
        return embeddings

    def embed_all(self) -> Embeddings:
        """Return embeddings of every node in arrays on disk, see `Regime`."""
        return self._whole.embed(self._worlds.world())

    def _rows(self, nodes: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
        """Return the channels of some nodes."""
        return {
            node_type: {
                channel: rows.index_select(0, nodes[node_type].to(rows.device)).to(self.device)
                for channel, rows in of.items()
            }
            for node_type, of in self._x.items()
        }
