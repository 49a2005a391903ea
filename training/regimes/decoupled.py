"""Propagation before training: what metapaths bring is made once a world, and weighed in steps."""

import sys
from collections.abc import Mapping

import torch
from torch import Tensor

from gnn.decoupled.embedding import Weighed
from gnn.decoupled.everything import embed_all
from gnn.decoupled.inputs import Allocate
from gnn.decoupled.terms import Terms
from gnn.fusion import HISTORY
from gnn.model import Embeddings, TransferGNN
from gnn.views import GraphView
from training.regimes.base import Pairs, Regime
from training.simulation import Draw, Simulation


class Decoupled(Regime):
    """The light network with item vectors and projections that stand still (`docs/regimes.md`).

    Gates, mixtures, decoders and item biases learn. A world lasts an epoch, as what metapaths bring
    is made anew for each: over its visible edges alone, so that nothing hidden is in it.

    Args:
        model: a network that `gnn.decoupled.paths.can_decouple`.
        simulation: draws worlds.
        device: of model, graph and channels.
        x: channels by node type and name, `[num_nodes, in_channels]`.
        graph: the training graph.
        allocate: makes arrays on disk.
        block_bytes: of coordinates of all nodes that are held at once.
    """

    name = "decoupled"

    def __init__(
        self,
        model: TransferGNN,
        simulation: Simulation,
        device: torch.device,
        *,
        x: Mapping[str, Mapping[str, Tensor]],
        graph: GraphView,
        allocate: Allocate,
        block_bytes: int,
    ) -> None:
        super().__init__(model, simulation, device, world_steps=sys.maxsize)
        self._graph, self._allocate = graph, allocate
        self._still = standing_still(model)
        for parameter in self._still:
            parameter.requires_grad_(False)
        self._terms = Terms(model, graph, x, allocate, block_bytes)
        self._weighed = Weighed(model, self._terms)
        self._made_of: tuple[int, ...] = ()  # versions of what inputs were made of
        self._world: Draw | None = None  # that was carried

    def embed(
        self, world: Draw, wanted: Mapping[str, Tensor], answers: Pairs, draws: torch.Generator
    ) -> Embeddings:
        """Return weighed sums of what metapaths bring, see `Regime`."""
        self._make_inputs()
        if self._world is not world:
            self._world = None
            self._terms.carry(world.view)
            self._world = world
        return self._weighed.embed(wanted)

    def embed_all(self) -> Embeddings:
        """Return embeddings of every node in arrays on disk, see `Regime`."""
        self._make_inputs()
        return embed_all(self.model, self._terms, self._graph.view(), self._allocate)

    def _make_inputs(self) -> None:
        """Make inputs where there are none, or of other weights, as of a checkpoint."""
        versions = tuple(parameter._version for parameter in self._still)
        if versions != self._made_of:
            self._terms.inputs.make()
            self._made_of, self._world = versions, None


def standing_still(model: TransferGNN) -> list[torch.nn.Parameter]:
    """Return the parameters that do not learn: item vectors, projections, and what fuses channels.

    Gates of histories do learn.
    """
    still = [parameter for parameter in model.from_data() if parameter is not model.item_bias]
    for node_type in model.names:
        layer = model.node_input(node_type)
        fusing = [layer.names[c] for c in layer.names if not c.startswith(HISTORY)]
        still += [layer.gates[name] for name in fusing if name in layer.gates]
        still += [] if layer.query is None else [layer.query]
    return still
