"""What training minimises: ranking under simulated cold starts, alignment, knowledge triples."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from encoders.channels.fitted import FittedChannels
from encoders.neighbours.edges import Neighbours
from gnn.arrays import tensor_over
from gnn.model import Embeddings
from gnn.views import EdgeType, GraphView
from training.alignment import Alignment
from training.batch import Batch, Contest, Embedded, Triples
from training.config import TrainingConfig
from training.evaluation.split import Split
from training.losses import LOSSES, shared_loss
from training.negatives import Pool
from training.regimes.base import Regime
from training.regimes.choose import Choice
from training.simulation import Draw

TRIPLES = 1_024  # of all relations, a step


class Objective(nn.Module):
    """The network and the sum of its losses on one batch.

    Args:
        regime: how embeddings are made.
        choice: what it was chosen by.
        graph: of the training part, on the device: its triples are drawn from.
        x: channels by node type and name, `[num_nodes, in_channels]`.
        split: train graph, sources and target.
        config: weights and sizes.
    """

    def __init__(
        self,
        regime: Regime,
        choice: Choice,
        graph: GraphView,
        x: Mapping[str, Mapping[str, Tensor]],
        split: Split,
        config: TrainingConfig,
    ) -> None:
        super().__init__()
        self.channels: FittedChannels | None = None  # what made `x`, to be saved with the model
        self.neighbours: Mapping[str, Neighbours] = {}  # in text, as they are in the graph
        self.scratch: Path | None = None  # folder of the arrays of the regime
        self.regime, self.choice = regime, choice
        self.graph, self.x, self.config = graph, x, config
        self.model, self.device = regime.model, regime.device
        edges = split.train.interaction_edges
        self.users = tensor_over(edges.src).to(self.device)
        self.items = tensor_over(edges.dst).to(self.device)
        self.popularity = torch.bincount(self.items, minlength=len(split.train.items)).float()
        target = torch.from_numpy(split.train.item_mask(split.target)).to(self.device)
        self.domain = target.long()  # 1 in the target, 0 elsewhere: negatives are drawn per side
        self.progress = 1.0  # of training, from 0 to 1: the loop sets it
        self.pick = pick_any  # rows of a batch, from a pool of rows
        self.share = slice(None)  # of the interactions, where others draw from the rest
        aligned = config.alignment != "none" and split.sources  # one domain has no other
        width = len(self.model.part)
        self.alignment = Alignment(split, config, width, self.device) if aligned else None
        self._pools: tuple[Draw, list[Pool]] | None = None  # of negatives in the last world
        self._tails: dict[EdgeType, Pool] = {}
        for edge in self.model.knowledge:
            tails = torch.unique(graph.adjacencies[edge].dst)
            alike = tails.new_ones(graph.adjacencies[edge].num_dst, dtype=torch.float32)
            self._tails[edge] = Pool.of(tails, alike, 0.0)
        self._bf16 = config.precision == "bfloat16" or (
            config.precision == "auto" and self.device.type == "cuda"
        )

    def _autocast(self) -> contextlib.AbstractContextManager[None]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=bool(self._bf16))

    @property
    def num_interactions(self) -> int:
        """Training interactions of all domains."""
        return self.regime.num_interactions

    @property
    def world_steps(self) -> int:
        """Steps until others are drawn to play cold."""
        return self.regime.world_steps

    def simulate(self, draws: torch.Generator) -> Draw:
        """Draw who plays cold for the next steps."""
        return self.regime.simulate(draws)

    def embed(self) -> Embeddings:
        """Return embeddings over the whole training graph, nobody playing cold."""
        with self._autocast():
            return self.regime.embed_all()

    def forward(self, world: Draw, batch: int, draws: torch.Generator) -> dict[str, Tensor]:
        """Return the losses of one random batch: `loss` and its parts.

        Args:
            world: who plays cold.
            batch: number of interactions.
            draws: source of all randomness.
        """
        drawn = self._draw(world, batch, draws)
        wanted = drawn.wanted(self.model.user_type, self.model.item_type)
        with self._autocast():
            answers = drawn.answers(self.model.interactions)
            embedded = Embedded(wanted, self.regime.embed(world, wanted, answers, draws))
            losses = {"loss_interaction": self._interactions(embedded, drawn)}
            if self.alignment is not None and self.config.alignment_weight:
                losses["loss_alignment"] = self.alignment(embedded, drawn.aligned)
            if self.model.knowledge and self.config.knowledge_weight:
                losses["loss_knowledge"] = self._knowledge(embedded, drawn.triples)
        scheduled = self.alignment.weight(self.progress) if self.alignment else 0.0
        weights = {
            "loss_alignment": self.config.alignment_weight * scheduled,
            "loss_knowledge": self.config.knowledge_weight,
        }
        total = torch.stack(
            [value * weights.get(name, 1.0) for name, value in losses.items()]
        ).sum()
        return {"loss": total, **losses}

    def _draw(self, world: Draw, batch: int, draws: torch.Generator) -> Batch:
        """Return everything that a step needs, before any embedding is made."""
        rows = self._batch(world, batch, draws)
        users, items = self.users[rows], self.items[rows]
        contests = self._contests(world, items, draws)
        aligned: Mapping[str, tuple[Tensor, Tensor]] = {}
        if self.alignment is not None and self.config.alignment_weight:
            aligned = self.alignment.draw(world, draws)
        triples = self._triples(draws) if self.config.knowledge_weight else []
        return Batch(users=users, items=items, contests=contests, aligned=aligned, triples=triples)

    def _batch(self, world: Draw, batch: int, draws: torch.Generator) -> Tensor:
        """Return rows of interactions: a fixed share of what the simulation hides, and the rest."""
        hidden, visible = world.hidden_rows[self.share], world.visible_rows[self.share]
        num_hidden = round(batch * self.config.simulated_share) if len(hidden) else 0
        if not len(visible):
            num_hidden = batch
        parts = [
            self.pick(pool, count, draws)
            for pool, count in ((hidden, num_hidden), (visible, batch - num_hidden))
            if count
        ]
        return torch.cat(parts)

    def _contests(self, world: Draw, items: Tensor, draws: torch.Generator) -> list[Contest]:
        # A cold item competes with cold items, as it will when it is asked for: against warm ones
        # the network would first learn to tell the two apart.
        side = self.domain[items] * 2 + world.cold_items[items]
        counts = torch.bincount(side, minlength=4).tolist()  # one wait for the device, not four
        contests = []
        for group, pool in enumerate(self._pools_of(world)):
            if len(pool.rows) < 2 or not counts[group]:
                continue
            negatives = pool.draw(self.config.negatives, draws)
            contests.append(Contest(chosen=side == group, negatives=negatives))
        return contests

    def _pools_of(self, world: Draw) -> list[Pool]:
        """Return what negatives of each side are drawn from; looked for once in a world."""
        if self._pools is None or self._pools[0] is not world:
            side = self.domain * 2 + world.cold_items
            warm = ~world.unseen_items | world.cold_items
            rows = [torch.nonzero((side == group) & warm).squeeze(1) for group in range(4)]
            power = self.config.negative_power
            self._pools = world, [Pool.of(some, self.popularity, power) for some in rows]
        return self._pools[1]

    def _triples(self, draws: torch.Generator) -> list[Triples]:
        """Return random triples of every relation, as many as its share of all edges."""
        relations = self.model.knowledge
        counts = torch.tensor([len(self.graph.adjacencies[edge]) for edge in relations])
        share = (TRIPLES * counts / counts.sum()).ceil().long().tolist()
        drawn = []
        for index, (edge_type, n) in enumerate(zip(relations, share, strict=True)):
            adjacency = self.graph.adjacencies[edge_type]
            rows = torch.randint(len(adjacency), (n,), generator=draws, device=self.device)
            drawn.append(
                Triples(
                    edge_type=edge_type,
                    index=index,
                    head=adjacency.src[rows],
                    tail=adjacency.dst[rows],
                    negatives=self._tails[edge_type].draw(min(self.config.negatives, 256), draws),
                )
            )
        return drawn

    def _interactions(self, embedded: Embedded, drawn: Batch) -> Tensor:
        user_type, item_type = self.model.user_type, self.model.item_type
        queries = self.model.decoder.queries(embedded.z(user_type, drawn.users))
        total = self._zero()
        for contest in drawn.contests:
            negatives, positive = contest.negatives.items, drawn.items[contest.chosen]
            query = queries[contest.chosen]
            scores = (query * embedded.z(item_type, positive)).sum(dim=1)
            scores = scores + embedded.bias(item_type, positive)
            loss = shared_loss(
                self.config.loss,
                scores,
                query,
                embedded.z(item_type, negatives),
                embedded.bias(item_type, negatives),
                contest.negatives.log_expected,
                (positive, negatives),
            )
            total = total + loss / len(drawn.users)
        return total

    def _knowledge(self, embedded: Embedded, drawn: list[Triples]) -> Tensor:
        """Sampled softmax over tails of knowledge-graph triples."""
        decoder, total = self.model.knowledge_decoder, self._zero()
        for triples in drawn:
            heads, _, tails = triples.edge_type
            query = decoder.queries(embedded.z(heads, triples.head), triples.index)
            scores = decoder.pairs(query, embedded.z(tails, triples.tail))
            negatives = triples.negatives
            against = decoder.against(query, embedded.z(tails, negatives.items))
            hits = triples.tail[:, None] == negatives.items
            loss = LOSSES["softmax"](scores, against, negatives.log_expected, hits)
            total = total + loss.sum() / sum(len(each.head) for each in drawn)
        return total

    def _zero(self) -> Tensor:
        return torch.zeros((), device=self.device)


def pick_any(pool: Tensor, count: int, draws: torch.Generator) -> Tensor:
    """Return so many entries of a pool, drawn with replacement."""
    return pool[torch.randint(len(pool), (count,), generator=draws, device=pool.device)]
