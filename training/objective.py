"""What training minimises: ranking under simulated cold starts, alignment, knowledge triples."""

import contextlib
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.data import HeteroData

from encoders.channels.fitted import FittedChannels
from encoders.neighbours.edges import Neighbours
from gnn.model import Embeddings, TransferGNN
from gnn.views import EdgeType, GraphView
from training.alignment import Alignment
from training.config import TrainingConfig
from training.evaluation.split import Split
from training.losses import LOSSES
from training.negatives import draw
from training.simulation import Draw, Simulation

TRIPLES = 1_024  # of all relations, a step


class Objective(nn.Module):
    """The network and the sum of its losses on one batch.

    Args:
        model: the network.
        graph: adjacencies, moved to the device.
        data: channels of the nodes.
        split: train graph, sources and target.
        config: weights and sizes.
        device: where to compute.
    """

    def __init__(
        self,
        model: TransferGNN,
        graph: GraphView,
        data: HeteroData,
        split: Split,
        config: TrainingConfig,
        device: torch.device,
    ) -> None:
        super().__init__()
        self.channels: FittedChannels | None = None  # what made `data`, to be saved with the model
        self.neighbours: Mapping[str, Neighbours] = {}  # in text, as they are in `data`
        self.model, self.graph, self.config, self.device = model, graph, config, device
        self.x = {
            node_type: {c: rows.to(device) for c, rows in data[node_type].x.items()}
            for node_type in data.node_types
            if "x" in data[node_type]
        }
        edges = split.train.interaction_edges
        self.users = torch.from_numpy(np.array(edges.src)).to(device)
        self.items = torch.from_numpy(np.array(edges.dst)).to(device)
        self.popularity = torch.bincount(self.items, minlength=len(split.train.items)).float()
        target = torch.from_numpy(split.train.item_mask(split.target)).to(device)
        self.domain = target.long()  # 1 in the target, 0 elsewhere: negatives are drawn per side
        user, relation, item = split.train.interactions
        self.target_relations = ((user, f"{relation}:{split.target}", item),)
        protocol = split.protocol
        self.simulation = Simulation(
            graph,
            self.users,
            self.items,
            target,
            self.target_relations,
            config.simulate_users if protocol == "user-cold" else 0.0,
            config.simulate_items if protocol == "item-cold" else 0.0,
        )
        self.progress = 1.0  # of training, from 0 to 1: the loop sets it
        aligned = config.alignment != "none" and split.sources  # one domain has no other
        self.alignment = Alignment(split, config, len(model.part), device) if aligned else None
        self._tails = {edge: torch.unique(graph.adjacencies[edge].dst) for edge in model.knowledge}
        self._bf16 = config.precision == "bfloat16" or (
            config.precision == "auto" and device.type == "cuda"
        )

    def _autocast(self) -> contextlib.AbstractContextManager[None]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=bool(self._bf16))

    @property
    def num_interactions(self) -> int:
        """Training interactions of all domains."""
        return len(self.users)

    def simulate(self, draws: torch.Generator) -> Draw:
        """Draw who plays cold for the next steps."""
        return self.simulation.draw(draws)

    @torch.no_grad()
    def embed(self) -> Embeddings:
        """Return embeddings over the whole training graph, nobody playing cold."""
        with self._autocast():
            embeddings: Embeddings = self.model(self.x, self.graph.view())
        return embeddings

    def forward(self, world: Draw, batch: int, draws: torch.Generator) -> dict[str, Tensor]:
        """Return the losses of one random batch: `loss` and its parts.

        Args:
            world: who plays cold.
            batch: number of interactions.
            draws: source of all randomness.
        """
        with self._autocast():
            embeddings: Embeddings = self.model(self.x, world.view)
            losses = {"loss_interaction": self._interactions(embeddings, world, batch, draws)}
            if self.alignment is not None and self.config.alignment_weight:
                losses["loss_alignment"] = self.alignment(embeddings, draws)
            if self.model.knowledge and self.config.knowledge_weight:
                losses["loss_knowledge"] = self._knowledge(embeddings.z, draws)
        scheduled = self.alignment.weight(self.progress) if self.alignment else 0.0
        weights = {
            "loss_alignment": self.config.alignment_weight * scheduled,
            "loss_knowledge": self.config.knowledge_weight,
        }
        total = torch.stack(
            [value * weights.get(name, 1.0) for name, value in losses.items()]
        ).sum()
        return {"loss": total, **losses}

    def _interactions(
        self, embeddings: Embeddings, world: Draw, batch: int, draws: torch.Generator
    ) -> Tensor:
        rows = self._batch(world, batch, draws)
        users, items = self.users[rows], self.items[rows]
        z_items, bias = embeddings.z[self.graph.item_type].float(), embeddings.item_bias.float()
        queries = self.model.decoder.queries(embeddings.z[self.graph.user_type].float()[users])
        # A cold item competes with cold items, as it will when it is asked for: against warm ones
        # the network would first learn to tell the two apart.
        side = self.domain * 2 + world.cold_items
        warm = ~world.view.cold_items | world.cold_items
        total = self._zero()
        for group in range(4):
            chosen = side[items] == group
            pool = torch.nonzero((side == group) & warm).squeeze(1)
            if len(pool) < 2 or not bool(chosen.any()):
                continue
            drawn = draw(
                pool, self.popularity, self.config.negative_power, self.config.negatives, draws
            )
            query, positive = queries[chosen], items[chosen]
            scores = (query * z_items[positive]).sum(dim=1) + bias[positive]
            against = query @ z_items[drawn.items].T + bias[drawn.items]
            hits = positive[:, None] == drawn.items
            loss = LOSSES[self.config.loss](scores, against, drawn.log_expected, hits)
            total = total + loss.sum() / batch
        return total

    def _batch(self, world: Draw, batch: int, draws: torch.Generator) -> Tensor:
        """Return rows of interactions: a fixed share of what the simulation hides, and the rest."""
        hidden = torch.nonzero(world.hidden).squeeze(1)
        visible = torch.nonzero(~world.hidden).squeeze(1)
        num_hidden = round(batch * self.config.simulated_share) if len(hidden) else 0
        if not len(visible):
            num_hidden = batch
        parts = [
            pool[torch.randint(len(pool), (count,), generator=draws, device=self.device)]
            for pool, count in ((hidden, num_hidden), (visible, batch - num_hidden))
            if count
        ]
        return torch.cat(parts)

    def _zero(self) -> Tensor:
        return torch.zeros((), device=self.device)

    def _knowledge(self, z: Mapping[str, Tensor], draws: torch.Generator) -> Tensor:
        """Sampled softmax over tails of knowledge-graph triples."""
        relations = self.model.knowledge
        counts = torch.tensor([len(self.graph.adjacencies[edge]) for edge in relations])
        share = (TRIPLES * counts / counts.sum()).ceil().long().tolist()
        total = self._zero()
        for index, (edge_type, n) in enumerate(zip(relations, share, strict=True)):
            total = total + self._triples(z, edge_type, index, n, draws) / sum(share)
        return total

    def _triples(
        self,
        z: Mapping[str, Tensor],
        edge_type: EdgeType,
        index: int,
        n: int,
        draws: torch.Generator,
    ) -> Tensor:
        adjacency = self.graph.adjacencies[edge_type]
        rows = torch.randint(len(adjacency), (n,), generator=draws, device=self.device)
        head, tail = adjacency.src[rows], adjacency.dst[rows]
        pool = self._tails[edge_type]
        ones = pool.new_ones(adjacency.num_dst, dtype=torch.float32)
        drawn = draw(pool, ones, 0.0, min(self.config.negatives, 256), draws)
        tails = z[edge_type[2]].float()
        decoder = self.model.knowledge_decoder
        query = decoder.queries(z[edge_type[0]].float()[head], index)
        scores = decoder.pairs(query, tails[tail])
        against = decoder.against(query, tails[drawn.items])
        hits = tail[:, None] == drawn.items
        return LOSSES["softmax"](scores, against, drawn.log_expected, hits).sum()
