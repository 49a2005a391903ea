"""A regime by its name."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from gnn.model import TransferGNN
from gnn.views import GraphView
from training.config import TrainingConfig
from training.regimes.base import Regime
from training.regimes.choose import Choice
from training.regimes.decoupled import Decoupled
from training.regimes.full import Full
from training.regimes.sampled import Sampled
from training.regimes.scratch import Scratch
from training.simulation import Simulation


def make_regime(
    choice: Choice,
    model: TransferGNN,
    simulation: Simulation,
    device: torch.device,
    config: TrainingConfig,
    *,
    x: Mapping[str, Mapping[str, Tensor]],
    graph: GraphView,
    scratch: Path | None = None,
) -> Regime:
    """Return the regime that was chosen.

    Args:
        choice: from `choose`.
        model: the network.
        simulation: draws worlds.
        device: of model, graph and channels.
        config: settings of training.
        x: channels by node type and name, `[num_nodes, in_channels]`.
        graph: the training graph.
        scratch: folder for what is kept on disk; None for that of temporary files.
    """
    if choice.regime == "full":
        return Full(model, simulation, device, config.simulation_steps, x=x, graph=graph)
    if choice.regime == "decoupled":
        allocate, block = Scratch(scratch), choice.block_bytes
        return Decoupled(
            model, simulation, device, x=x, graph=graph, allocate=allocate, block_bytes=block
        )
    return Sampled(
        model,
        simulation,
        device,
        config.simulation_steps,
        x=x,
        graph=graph,
        fan_out=config.fan_out,
        allocate=Scratch(scratch),
        block_bytes=choice.block_bytes,
    )
