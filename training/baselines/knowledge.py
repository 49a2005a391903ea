"""Knowledge-graph embeddings alone: interactions are one relation among the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kg.vocab import IntArray
from training.baselines.base import FloatArray, Task
from training.baselines.factor_training import Fitting, draw_uniform, train, valid_quality
from training.baselines.factors import Interactions
from training.baselines.grids import combinations
from training.baselines.lightgcn import START
from training.baselines.matrices import source_mask
from training.losses import LOSSES
from training.seed import generator

DECODERS = {"transe": "TransE", "distmult": "DistMult"}
# distances of unit vectors lie within [0, 3]: a softmax over thousands of tails needs more
SHARPNESS = {"transe": 12.0, "distmult": 1.0}


class KnowledgeScores:
    r"""TransE (Bordes et al. 2013) or DistMult (Yang et al. 2015) over the whole graph.

    Users are asked as `(user, interacts, ?)`; there is no item bias, no message and no text.

    - TransE: $-\lVert \hat e_h + r - \hat e_t \rVert_2$, entities of unit length;
    - DistMult: $\sum_k e_{hk}\, r_k\, e_{tk}$.

    Every relation of the training graph is learned, each by ranking its tails against others of
    that relation (interactions against items of the same domain). A cold item has a vector where
    other relations lead to it, and scores like any other such item otherwise. A user of whom no
    triple says anything gets popularity.

    Args:
        task: what may be learned from.
        seed: of first vectors, order and negatives.
        decoder: `transe` or `distmult`.
        width: of the vectors.
        name: as shown in reports; the decoder's by default.
        fitting: settings of `Fitting`, where they are not the default.
    """

    GRID = combinations(decay=(1.0, 0.3), epochs=(4, 8), width=(64, 128))

    def __init__(
        self,
        task: Task,
        *,
        seed: int = 0,
        decoder: str = "distmult",
        width: int = 64,
        name: str = "",
        **fitting: Any,
    ) -> None:
        if decoder not in DECODERS:
            raise ValueError(f"decoder must be one of {', '.join(DECODERS)}, got {decoder!r}")
        self.name = name or DECODERS[decoder]
        settings = Fitting(**{"epochs": 4, "decay": 1.0, **fitting})
        sides = [source_mask(task.split), task.split.train.item_mask(task.split.target)]
        interactions = Interactions.of(task, sides)
        self._popularity: FloatArray = np.log1p(interactions.popularity.numpy())
        triples = Triples.of(task, interactions)
        network = Network(triples, decoder, width, generator(seed, f"{self.name}: vectors"))
        self._network, self._triples, self._known = network, triples, triples.seen().numpy()

        train(
            network,
            len(triples.heads),
            lambda rows, draws: _loss(network, triples, rows, settings, draws),
            settings,
            seed=seed,
            purpose=self.name,
            quality=valid_quality(task, seed, lambda: self),
        )

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`."""
        heads = torch.tensor(users) + self._triples.first_user
        tails = torch.tensor(items) + self._triples.first_item
        with torch.no_grad():
            queries = self._network.queries(heads, torch.zeros_like(heads))
            found = self._network.pairwise(queries, self._network.tails(tails))
        scores: FloatArray = found.numpy()
        scores[~self._known[users + self._triples.first_user]] = self._popularity[items]
        return scores


@dataclass(frozen=True, kw_only=True, eq=False)
class Triples:
    """All edges of a graph as triples of global rows, in groups that share their negatives.

    Attributes:
        heads: int64 `[num_triples]`.
        tails: int64 `[num_triples]`.
        group: int64 `[num_triples]`.
        relations: the relation of each group; 0 for interactions.
        pools: the tails that occur in each group.
        num_nodes: of all types.
        first_user: global row of the first user.
        first_item: global row of the first item.
    """

    heads: Tensor
    tails: Tensor
    group: Tensor
    relations: tuple[int, ...]
    pools: tuple[Tensor, ...]
    num_nodes: int
    first_user: int
    first_item: int

    @classmethod
    def of(cls, task: Task, interactions: Interactions) -> "Triples":
        """Number the nodes of the training graph and list its edges, interactions first."""
        graph = task.split.train
        sizes = [len(nodes) for nodes in graph.nodes.values()]
        first = dict(zip(graph.nodes, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))
        user, item = first[graph.user_type], first[graph.item_type]
        groups: list[tuple[int, Tensor, Tensor]] = []
        for side in range(len(interactions.pools)):
            mine = interactions.side == side
            groups.append((0, interactions.users[mine] + user, interactions.items[mine] + item))
        others = [(kind, e) for kind, e in graph.edges.items() if kind != graph.interactions]
        for number, (kind, edges) in enumerate(others, start=1):
            heads, tails = torch.tensor(edges.src), torch.tensor(edges.dst)
            groups.append((number, heads + first[kind[0]], tails + first[kind[2]]))
        return cls(
            heads=torch.cat([heads for _, heads, _ in groups]),
            tails=torch.cat([tails for _, _, tails in groups]),
            group=torch.arange(len(groups)).repeat_interleave(
                torch.tensor([len(heads) for _, heads, _ in groups])
            ),
            relations=tuple(relation for relation, _, _ in groups),
            pools=tuple(torch.unique(tails) for _, _, tails in groups),
            num_nodes=sum(sizes),
            first_user=user,
            first_item=item,
        )

    def seen(self) -> Tensor:
        """Return which nodes are in any triple, bool `[num_nodes]`."""
        mask = torch.zeros(self.num_nodes, dtype=torch.bool)
        mask[self.heads] = True
        mask[self.tails] = True
        return mask


class Network(nn.Module):
    """Vectors of nodes and relations, and what they say of triples.

    Args:
        triples: which nodes and relations there are.
        decoder: `transe` or `distmult`.
        width: of the vectors.
        draws: source of the first vectors; nodes in no triple begin, and stay, at zero.
    """

    def __init__(self, triples: Triples, decoder: str, width: int, draws: torch.Generator) -> None:
        super().__init__()
        self.translates = decoder == "transe"
        nodes = START * torch.randn(triples.num_nodes, width, generator=draws)
        relations = torch.randn(max(triples.relations) + 1, width, generator=draws)
        self.nodes = nn.Parameter(nodes * triples.seen()[:, None])
        self.relations = nn.Parameter(START * relations + (0 if self.translates else 1))

    def queries(self, heads: Tensor, relations: Tensor) -> Tensor:
        """Return what the tails are compared with, `[num_triples, width]`."""
        vectors, relation = self.tails(heads), F.embedding(relations, self.relations)
        return vectors + relation if self.translates else vectors * relation

    def tails(self, nodes: Tensor) -> Tensor:
        """Return the vectors of some nodes, `[num_nodes, width]`; unit length for TransE."""
        vectors = F.embedding(nodes, self.nodes)
        return F.normalize(vectors, dim=-1) if self.translates else vectors

    def forward(self, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        """Return the scores of triples, `[num_triples]`."""
        queries, ends = self.queries(heads, relations), self.tails(tails)
        if self.translates:
            distance: Tensor = torch.linalg.vector_norm(queries - ends, dim=-1)
            return -distance
        return (queries * ends).sum(dim=-1)

    def pairwise(self, queries: Tensor, ends: Tensor) -> Tensor:
        """Return the scores of all queries with all ends, `[num_queries, num_ends]`."""
        products = queries @ ends.T
        if not self.translates:
            return products
        squares = queries.square().sum(1, keepdim=True) + ends.square().sum(1) - 2 * products
        return -squares.clamp(min=1e-9).sqrt()


def _loss(
    network: Network, triples: Triples, rows: Tensor, fitting: Fitting, draws: torch.Generator
) -> Tensor:
    groups: Sequence[int] = torch.unique(triples.group[rows]).tolist()
    sharpness = SHARPNESS["transe" if network.translates else "distmult"]
    total = torch.zeros(())
    for group in groups:
        mine = rows[triples.group[rows] == group]
        heads, tails = triples.heads[mine], triples.tails[mine]
        drawn = draw_uniform(triples.pools[group], fitting.negatives, draws)
        relations = torch.full_like(heads, triples.relations[group])
        queries = network.queries(heads, relations)
        right = sharpness * network(heads, relations, tails)
        wrong = sharpness * network.pairwise(queries, network.tails(drawn.items))
        hits = drawn.items == tails[:, None]
        total = total + LOSSES[fitting.loss](right, wrong, drawn.log_expected, hits).sum()
    return total / len(rows)
