"""LightGCN: vectors of users and items, smoothed over the interactions and nothing else."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gnn.adjacency import Adjacency
from kg.vocab import IntArray
from training.baselines.base import FloatArray, Task
from training.baselines.factor_training import Fitting, train, valid_quality
from training.baselines.factors import Factors, Interactions
from training.baselines.grids import combinations
from training.baselines.matrices import source_mask
from training.seed import generator

START = 0.1  # standard deviation of the first vectors, as in the paper's code


class LightGCN:
    r"""LightGCN (He et al. 2020), of all domains in one graph or of the target alone.

    $$e_u^{(l+1)} = \sum_{i \in N(u)} \frac{e_i^{(l)}}{\sqrt{|N(u)||N(i)|}}, \qquad
    z = \frac{1}{L+1} \sum_{l=0}^{L} e^{(l)}, \qquad s(u, i) = z_u^\top z_i + b_i$$

    and the same with users and items swapped (eq. 3, 4 and 6). The bias is an addition: it starts
    at the log of popularity, and without it LightGCN only has the vectors' lengths to say what is
    popular. Negatives come from the domain of the positive. With no layers this is a plain matrix
    factorisation. A user without interactions gets popularity, so that of the target alone all
    cold users do.

    Args:
        task: what may be learned from.
        seed: of first vectors, order and negatives.
        merged: learn from the sources too; False for the target alone.
        width: of the vectors.
        layers: propagation steps $L$.
        name: as shown in reports.
        fitting: settings of `Fitting`, where they are not the default.
    """

    GRID = combinations(layers=(2, 1), decay=(1.0, 3.0), epochs=(4, 2))

    def __init__(
        self,
        task: Task,
        *,
        seed: int = 0,
        merged: bool = True,
        width: int = 64,
        layers: int = 2,
        name: str = "",
        **fitting: Any,
    ) -> None:
        self.name = name or ("LightGCN" if merged else "LightGCN, target alone")
        target = task.split.train.item_mask(task.split.target)
        sides = [source_mask(task.split), target] if merged else [target]
        interactions = Interactions.of(task, sides)
        settings = Fitting(**{"epochs": 4, "decay": 1.0, **fitting})
        self._factors = fit_lightgcn(
            interactions,
            settings,
            seed=seed,
            width=width,
            layers=layers,
            name=self.name,
            task=task,
        )

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`."""
        return self._factors.score(users, items)


class Network(nn.Module):
    """The vectors of LightGCN and how they are smoothed.

    Args:
        interactions: edges.
        width: of the vectors.
        layers: propagation steps; 0 for a matrix factorisation.
        draws: source of the first vectors.
    """

    def __init__(
        self, interactions: Interactions, width: int, layers: int, draws: torch.Generator
    ) -> None:
        super().__init__()
        num_users, num_items = interactions.num_users, len(interactions.popularity)
        self.layers = layers
        self.users = nn.Parameter(START * torch.randn(num_users, width, generator=draws))
        self.items = nn.Parameter(START * torch.randn(num_items, width, generator=draws))
        self.bias = nn.Parameter(interactions.start_of_bias())
        edges = Adjacency(interactions.users, interactions.items, num_users, num_items)
        self._edges = edges.symmetric()

    def forward(self) -> tuple[Tensor, Tensor]:
        """Return vectors of all users `[num_users, width]` and items `[num_items, width]`."""
        user: Tensor = self.users
        item: Tensor = self.items
        users, items = user, item
        for _ in range(self.layers):
            user, item = self._edges.reverse(item), self._edges(user)
            users, items = users + user, items + item
        return users / (self.layers + 1), items / (self.layers + 1)


def fit_lightgcn(
    interactions: Interactions,
    fitting: Fitting,
    *,
    seed: int,
    width: int,
    layers: int,
    name: str,
    task: Task | None = None,
) -> Factors:
    """Return the vectors of a LightGCN trained on some interactions.

    Args:
        interactions: what is learned.
        fitting: how.
        seed: of everything drawn.
        width: of the vectors.
        layers: propagation steps; 0 for a matrix factorisation.
        name: names the stream of the seed, the progress bar and the scores.
        task: whose valid part decides when to stop, where `fitting.patience` asks for it; None
            trains all epochs.
    """
    network = Network(interactions, width, layers, generator(seed, f"{name}: vectors"))

    def loss(rows: Tensor, draws: torch.Generator) -> Tensor:
        users, items = network()
        sides: Sequence[Tensor] = [users] * len(interactions.pools)
        return interactions.loss(rows, sides, items, network.bias, fitting, draws)

    def factors() -> Factors:
        users, items = network()
        return Factors.of(name, interactions, users, items, network.bias, interactions.known())

    train(
        network,
        len(interactions.users),
        loss,
        fitting,
        seed=seed,
        purpose=name,
        quality=None if task is None else valid_quality(task, seed, factors),
    )
    return factors()
