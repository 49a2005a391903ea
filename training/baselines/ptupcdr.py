"""PTUPCDR: a mapping of its own for every user, made from what the user did in the source."""

from typing import Any

import torch
from torch import Tensor, nn

from kg.vocab import IntArray
from training.baselines.base import FloatArray, Task
from training.baselines.factor_training import Fitting, ranking_loss, train, valid_quality
from training.baselines.factors import Factors, Interactions
from training.baselines.grids import combinations
from training.baselines.two_domains import dense, factorise
from training.seed import generator

HIDDEN = 50  # units of the meta network, as in the paper
BLOCK = 2048  # users whose matrices are made at once


class PTUPCDR:
    r"""Personalised transfer of user preferences (Zhu et al. 2022).

    Both domains are factorised on their own. The source history $S_u$ of a user becomes the
    characteristic $p_u = \sum_{j \in S_u} a_j v_j$, $a$ the softmax of a small network over the
    history (eq. 2 to 4); a meta network $g$ makes of it the matrix of the user's own bridge
    $f_u(u^s) = g(p_u)\, u^s$ (eq. 5 to 7). Both are trained on the target interactions of the users
    of both domains, the factors standing still. The paper predicts ratings with a squared error;
    here the interactions are ranked by the loss of `Fitting` (eq. 9 with another loss).

    Who has a history in the target keeps the target's own vector; without overlap nothing is
    bridged, and users of the source alone get popularity, as do those without any history.

    Args:
        task: what may be learned from.
        seed: of everything drawn.
        width: of the vectors.
        map_epochs: passes over the target interactions of the users of both domains.
        map_decay: weight decay of the bridge.
        name: as shown in reports.
        fitting: settings of `Fitting` for the factorisations; loss, negatives and patience are the
            bridge's too.
    """

    GRID = combinations(decay=(1.0, 0.3), map_decay=(0.1, 1.0), map_epochs=(5, 10))

    def __init__(
        self,
        task: Task,
        *,
        seed: int = 0,
        width: int = 64,
        map_epochs: int = 5,
        map_decay: float = 0.1,
        name: str = "PTUPCDR",
        **fitting: Any,
    ) -> None:
        self.name = name
        settings = Fitting(**{"epochs": 6, "decay": 1.0, **fitting})
        domains = factorise(task, settings, seed=seed, width=width)
        bridge = Bridge(
            domains.source_interactions,
            domains.source,
            domains.source_items,
            generator(seed, "bridge: weights"),
        )
        target = domains.target_interactions
        rows_of_both = torch.isin(target.users, domains.overlap).nonzero().flatten()
        pace = Fitting(
            epochs=map_epochs,
            batch_size=1024,
            learning_rate=0.001,
            decay=map_decay,
            loss=settings.loss,
            negatives=settings.negatives,
            patience=settings.patience,
        )

        def loss(rows: Tensor, draws: torch.Generator) -> Tensor:
            rows = rows_of_both[rows]
            users, place = torch.unique(target.users[rows], return_inverse=True)
            heads = bridge(users)[place]
            positive, pool = target.items[rows], target.pools[0]
            return ranking_loss(
                heads, domains.items, domains.bias, positive, pool, pace, draws
            ).mean()

        def factors() -> Factors:
            with torch.no_grad():
                everybody = torch.arange(target.num_users).split(BLOCK)  # type: ignore[no-untyped-call]
                return domains.bridged(name, torch.cat([bridge(users) for users in everybody]))

        quality = valid_quality(task, seed, factors)
        train(bridge, len(rows_of_both), loss, pace, seed=seed, purpose="bridge", quality=quality)
        self._factors = factors()

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`."""
        return self._factors.score(users, items)


class Bridge(nn.Module):
    """Users of the source as the target would see them.

    Args:
        interactions: of the source.
        users: their vectors, `[num_users, width]`.
        items: vectors of the source's items, `[num_items, width]`.
        draws: source of the first weights.
    """

    def __init__(
        self, interactions: Interactions, users: Tensor, items: Tensor, draws: torch.Generator
    ) -> None:
        super().__init__()
        width = users.shape[1]
        self._users, self._items = users, items
        self._history = interactions.items[interactions.users.argsort(stable=True)]
        self._counts = torch.bincount(interactions.users, minlength=interactions.num_users)
        self._starts = self._counts.cumsum(0) - self._counts
        self.attention = nn.Sequential(
            dense(width, width, draws), nn.ReLU(), dense(width, 1, draws)
        )
        self.meta = nn.Sequential(
            dense(width, HIDDEN, draws), nn.ReLU(), dense(HIDDEN, width * width, draws)
        )

    def characteristic(self, users: Tensor) -> Tensor:
        """Return $p_u$ of some users, `[len(users), width]`; zero without a source history."""
        counts = self._counts[users]
        owner = torch.arange(len(users)).repeat_interleave(counts)
        first = (self._starts[users] - (counts.cumsum(0) - counts))[owner]
        vectors = self._items[self._history[first + torch.arange(len(owner))]]
        logits = self.attention(vectors).flatten()
        # one constant for all: it cancels within each user, and no exponential overflows
        weights = (logits - logits.detach().max()).exp() if len(logits) else logits
        total = weights.new_zeros(len(users)).index_add(0, owner, weights)
        shares = weights / total[owner].clamp(min=1e-30)
        return vectors.new_zeros(len(users), vectors.shape[1]).index_add(
            0, owner, shares[:, None] * vectors
        )

    def forward(self, users: Tensor) -> Tensor:
        """Return the bridged vectors of some users, `[len(users), width]`."""
        own = self._users[users]
        matrices = self.meta(self.characteristic(users)).view(-1, own.shape[1], own.shape[1])
        return torch.bmm(matrices, own[:, :, None])[:, :, 0]
