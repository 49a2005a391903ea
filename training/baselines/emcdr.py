"""EMCDR: factors of each domain, and one mapping of users from the source to the target."""

from typing import Any

import torch
from torch import Tensor, nn

from kg.vocab import IntArray
from training.baselines.base import FloatArray, Task
from training.baselines.factor_training import Fitting, train, valid_quality
from training.baselines.factors import Factors
from training.baselines.grids import combinations
from training.baselines.two_domains import dense, factorise
from training.seed import generator


class EMCDR:
    r"""Embedding and mapping (Man et al. 2017).

    Both domains are factorised on their own. A mapping of user vectors is learned on the users of
    both, $\min_f \sum_u \lVert f(u^s) - u^t \rVert^2$ (eq. 8), and a user of the source alone gets
    $s(u, i) = f(u^s)^\top v_i + b_i$. Who has a history in the target keeps the target's own
    vector; without overlap nothing is mapped, and users of the source alone get popularity, as do
    those without any history.

    Args:
        task: what may be learned from.
        seed: of everything drawn.
        mapping: `mlp` (one hidden layer of twice the width, tanh, as in the paper) or `linear`.
        width: of the vectors.
        map_epochs: passes over the users of both domains.
        name: as shown in reports.
        fitting: settings of `Fitting` for the factorisations; its patience is the mapping's.
    """

    GRID = combinations(mapping=("mlp", "linear"), decay=(1.0, 0.3), epochs=(6, 12))

    def __init__(
        self,
        task: Task,
        *,
        seed: int = 0,
        mapping: str = "mlp",
        width: int = 64,
        map_epochs: int = 30,
        name: str = "EMCDR",
        **fitting: Any,
    ) -> None:
        if mapping not in ("mlp", "linear"):
            raise ValueError(f"mapping must be mlp or linear, got {mapping!r}")
        self.name = name
        settings = Fitting(**{"epochs": 6, "decay": 1.0, **fitting})
        domains = factorise(task, settings, seed=seed, width=width)
        network = _mapping(mapping, width, generator(seed, "mapping: weights"))
        overlap = domains.overlap

        def loss(rows: Tensor, draws: torch.Generator) -> Tensor:
            users = overlap[rows]
            off: Tensor = network(domains.source[users]) - domains.target[users]
            return off.square().sum(dim=1).mean()

        def factors() -> Factors:
            with torch.no_grad():
                return domains.bridged(name, network(domains.source))

        pace = Fitting(epochs=map_epochs, batch_size=256, patience=settings.patience)
        quality = valid_quality(task, seed, factors)
        train(network, len(overlap), loss, pace, seed=seed, purpose="mapping", quality=quality)
        self._factors = factors()

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`."""
        return self._factors.score(users, items)


def _mapping(kind: str, width: int, draws: torch.Generator) -> nn.Module:
    if kind == "linear":
        return dense(width, width, draws)
    wide = 2 * width
    return nn.Sequential(dense(width, wide, draws), nn.Tanh(), dense(wide, width, draws))
