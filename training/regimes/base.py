"""What a regime is: it makes the embeddings that a step asks for, and those of a trained model."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor

from gnn.model import Embeddings, TransferGNN
from gnn.views import EdgeType
from training.simulation import Draw, Simulation

Pairs = Mapping[EdgeType, tuple[Tensor, Tensor]]


class Regime(ABC):
    """Embeddings from the weights of a network, by whatever way fits the memory.

    Every regime trains the same network: parameters keep their names, so that checkpoints, models
    and whoever reads them do not ask how they were made. A step goes: the objective draws a batch,
    `embed` gives the embeddings of the nodes in it, with gradients, and the objective computes the
    losses on them.

    Attributes:
        name: as in `training.regime`.
        model: the network.
        device: where embeddings lie.
        world_steps: steps until others are drawn to play cold; one that no epoch reaches keeps a
            world for a whole epoch, as each epoch begins with a new one.
    """

    name: str
    model: TransferGNN
    device: torch.device
    world_steps: int

    def __init__(
        self, model: TransferGNN, simulation: Simulation, device: torch.device, world_steps: int
    ) -> None:
        self.model, self.device, self.world_steps = model, device, world_steps
        self._simulation = simulation

    @property
    def num_interactions(self) -> int:
        """Training interactions of all domains: an epoch has as many."""
        return self._simulation.num_interactions

    def simulate(self, draws: torch.Generator) -> Draw:
        """Draw who plays cold for the next steps."""
        return self._simulation.draw(draws)

    @abstractmethod
    def embed(
        self, world: Draw, wanted: Mapping[str, Tensor], answers: Pairs, draws: torch.Generator
    ) -> Embeddings:
        """Return embeddings of some nodes of a world, through which gradients reach the network.

        Nothing that the world hides may reach them.

        Args:
            world: from `simulate`.
            wanted: rows of nodes by type, int64, ascending and each once, on `device`. Items and
                users are always there; a type that is missing is not needed.
            answers: edges that the step is to predict, which a regime may leave out, by edge type:
                sources and destinations, int64; some of them may not be edges of the relation.
            draws: source of the randomness of a regime that has any.

        Returns:
            Rows in the order of `wanted`: `z` `[len(wanted[type]), width]` of every type that was
            asked for, `item_bias` of the items and `domain_views` of the users.
        """

    @abstractmethod
    def embed_all(self) -> Embeddings:
        """Return embeddings of every node over the whole training graph, nobody playing cold.

        Without gradients. Tensors may lie on the CPU, and be backed by files.
        """
