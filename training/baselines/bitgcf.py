"""BiTGCF: two LightGCNs whose common users pass on, layer by layer, what each domain says."""

from typing import Any

import torch
from torch import Tensor, nn

from gnn.adjacency import Adjacency
from kg.vocab import IntArray
from training.baselines.base import FloatArray, Task
from training.baselines.factor_training import Fitting, train, valid_quality
from training.baselines.factors import Factors, Interactions
from training.baselines.grids import combinations
from training.baselines.lightgcn import START
from training.baselines.matrices import source_mask
from training.seed import generator

SOURCE, TARGET = 0, 1


class BiTGCF:
    r"""Bi-directional transfer graph collaborative filtering (Liu et al. 2020), of LightGCN layers.

    Source and target are propagated apart. After each layer a user of both has in the source

    $$u^s \leftarrow \tfrac12 \Bigl[\lambda u^s + (1 - \lambda) u^t\Bigr] +
        \tfrac12\, \frac{|N^s(u)|\, u^s + |N^t(u)|\, u^t}{|N^s(u)| + |N^t(u)|}$$

    and in the target the same with $s$ and $t$ swapped: the mean of what is kept of the domain and
    what both have in common (section 3.3). The layers are averaged. Left out of the paper's layer
    is the product of both ends, which LightGCN found to do no good. A user of one domain alone has
    that domain's vector in both, which is how cold users are served; where no user is in both, this
    is LightGCN on the merged graph. A user without interactions gets popularity.

    Args:
        task: what may be learned from.
        seed: of first vectors, order and negatives.
        keep: $\lambda$, between 0 and 1.
        width: of the vectors.
        layers: propagation steps.
        name: as shown in reports.
        fitting: settings of `Fitting`, where they are not the default.
    """

    GRID = combinations(keep=(0.8, 0.5), decay=(1.0, 3.0), layers=(2, 1))

    def __init__(
        self,
        task: Task,
        *,
        seed: int = 0,
        keep: float = 0.8,
        width: int = 64,
        layers: int = 2,
        name: str = "BiTGCF",
        **fitting: Any,
    ) -> None:
        if not 0 <= keep <= 1:
            raise ValueError(f"keep must lie between 0 and 1, got {keep}")
        self.name = name
        settings = Fitting(**{"epochs": 4, "decay": 1.0, **fitting})
        sides = [source_mask(task.split), task.split.train.item_mask(task.split.target)]
        interactions = Interactions.of(task, sides)
        network = Network(interactions, width, layers, keep, generator(seed, "BiTGCF: vectors"))

        def loss(rows: Tensor, draws: torch.Generator) -> Tensor:
            users, items = network()
            return interactions.loss(rows, users, items, network.bias, settings, draws)

        def factors() -> Factors:
            users, items = network()
            known = interactions.known()
            return Factors.of(name, interactions, users[TARGET], items, network.bias, known)

        train(
            network,
            len(interactions.users),
            loss,
            settings,
            seed=seed,
            purpose=name,
            quality=valid_quality(task, seed, factors),
        )
        self._factors = factors()

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`."""
        return self._factors.score(users, items)


class Network(nn.Module):
    """Two sets of user vectors, one of items, which belong to one domain each.

    Args:
        interactions: on the sides `SOURCE` and `TARGET`.
        width: of the vectors.
        layers: propagation steps.
        keep: how much of a domain's own vector a user of both keeps.
        draws: source of the first vectors.
    """

    def __init__(
        self,
        interactions: Interactions,
        width: int,
        layers: int,
        keep: float,
        draws: torch.Generator,
    ) -> None:
        super().__init__()
        num_users, num_items = interactions.num_users, len(interactions.popularity)
        self.layers = layers
        self.users = nn.Parameter(START * torch.randn(2, num_users, width, generator=draws))
        self.items = nn.Parameter(START * torch.randn(num_items, width, generator=draws))
        self.bias = nn.Parameter(interactions.start_of_bias())
        degrees, self._edges = [], []
        for side in (SOURCE, TARGET):
            mine = interactions.side == side
            users, items = interactions.users[mine], interactions.items[mine]
            self._edges.append(Adjacency(users, items, num_users, num_items).symmetric())
            degrees.append(torch.bincount(users, minlength=num_users).float())
        self._own, self._first = own_shares(degrees[SOURCE], degrees[TARGET], keep)

    def forward(self) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Return vectors of users in source and target and of items, `[num_nodes, width]` each."""
        user = _exchange(self.users[SOURCE], self.users[TARGET], self._first)
        item: Tensor = self.items
        source_users, target_users, items = *user, item
        into = self._edges
        for _ in range(self.layers):
            apart = into[SOURCE].reverse(item), into[TARGET].reverse(item)
            item = into[SOURCE](user[SOURCE]) + into[TARGET](user[TARGET])
            user = _exchange(*apart, self._own)
            source_users, target_users = source_users + user[SOURCE], target_users + user[TARGET]
            items = items + item
        number = self.layers + 1
        return (source_users / number, target_users / number), items / number


def own_shares(source: Tensor, target: Tensor, keep: float) -> tuple[Tensor, Tensor]:
    """Return how much of a user's vector is the domain's own, after a layer and before the first.

    Args:
        source: interactions of each user in the source, `[num_users]`.
        target: the same in the target.
        keep: share kept of the domain's own.

    Returns:
        Two tensors `[2, num_users]`, for source and target: 1 where the user is in this domain
        alone and 0 where in the other alone. Users of both have a share after a layer only.
    """
    degrees = torch.stack([source, target])
    total = degrees.sum(dim=0).clamp(min=1)
    both = (degrees > 0).all(dim=0)
    alone = torch.where(both, torch.ones_like(degrees), (degrees > 0).float())
    return torch.where(both, (keep + degrees / total) / 2, alone), alone


def _exchange(source: Tensor, target: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    here, there = own[SOURCE][:, None], own[TARGET][:, None]
    return here * source + (1 - here) * target, there * target + (1 - there) * source
