"""Interactions on their sides as tensors, and vectors whose dot products are scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from kg.graph import BoolArray
from kg.vocab import IntArray
from training.baselines.base import FloatArray, Task
from training.baselines.factor_training import Fitting, ranking_loss


@dataclass(frozen=True, kw_only=True, eq=False)
class Interactions:
    """Training interactions, each on the side of its item: negatives come from the same side.

    Attributes:
        users: rows, int64 `[num_interactions]`.
        items: rows, int64 `[num_interactions]`.
        side: which side each belongs to, int64 `[num_interactions]`.
        pools: the items of each side that have an interaction.
        popularity: interactions by item row, float32 `[num_items]`.
        num_users: rows of users in the graph.
    """

    users: Tensor
    items: Tensor
    side: Tensor
    pools: tuple[Tensor, ...]
    popularity: Tensor
    num_users: int

    @classmethod
    def of(cls, task: Task, sides: Sequence[BoolArray]) -> "Interactions":
        """Read the training interactions with the items of `sides`, which must not overlap."""
        graph = task.split.train
        side_of = np.full(len(graph.items), -1, dtype=np.int64)
        for number, mask in enumerate(sides):
            side_of[mask] = number
        edges = graph.interaction_edges
        kept = side_of[edges.dst] >= 0
        users, items = torch.tensor(edges.src[kept]), torch.tensor(edges.dst[kept])
        side = torch.tensor(side_of)[items]
        return cls(
            users=users,
            items=items,
            side=side,
            pools=tuple(torch.unique(items[side == number]) for number in range(len(sides))),
            popularity=torch.bincount(items, minlength=len(graph.items)).float(),
            num_users=len(graph.users),
        )

    def known(self, side: int | None = None) -> Tensor:
        """Return which users have an interaction, or one on a side; bool `[num_users]`."""
        mask = torch.zeros(self.num_users, dtype=torch.bool)
        mask[self.users if side is None else self.users[self.side == side]] = True
        return mask

    def start_of_bias(self) -> Tensor:
        """Return the log of popularity over its mean, `[num_items]`: where item biases begin."""
        smoothed = self.popularity + 1
        return (smoothed / smoothed.mean()).log()

    def loss(
        self,
        rows: Tensor,
        users: Sequence[Tensor],
        items: Tensor,
        bias: Tensor,
        fitting: Fitting,
        draws: torch.Generator,
    ) -> Tensor:
        """Return the mean ranking loss of some interactions.

        Args:
            rows: which interactions, int64 `[batch]`.
            users: vectors of all users for each side, `[num_users, width]`.
            items: vectors of all items, `[num_items, width]`.
            bias: of all items, `[num_items]`.
            fitting: which loss, how many negatives.
            draws: source of the negatives.
        """
        total = items.new_zeros(())
        for side, vectors in enumerate(users):
            mine = rows[self.side[rows] == side]
            if len(mine):
                heads = F.embedding(self.users[mine], vectors)
                positive = self.items[mine]
                pool = self.pools[side]
                total = (
                    total + ranking_loss(heads, items, bias, positive, pool, fitting, draws).sum()
                )
        return total / len(rows)


@dataclass(kw_only=True, eq=False)
class Factors:
    """Vectors whose dot products, plus the item's bias, are scores.

    Attributes:
        name: as shown in reports.
        users: float32 `[num_users, width]`.
        items: float32 `[num_items, width]`.
        bias: float32 `[num_items]`.
        popularity: training interactions by item, float32 `[num_items]`.
        known: users whose vector says anything, bool `[num_users]`; the others get ln(1 +
            popularity), whatever the bias has become.
    """

    name: str
    users: FloatArray
    items: FloatArray
    bias: FloatArray
    popularity: FloatArray
    known: BoolArray

    @classmethod
    def of(
        cls,
        name: str,
        interactions: Interactions,
        users: Tensor,
        items: Tensor,
        bias: Tensor,
        known: Tensor,
    ) -> "Factors":
        """Take the vectors out of a network; items without interactions get the zero vector."""
        trained = interactions.popularity > 0
        return cls(
            name=name,
            users=users.detach().numpy(),
            items=(items.detach() * trained[:, None]).numpy(),
            bias=bias.detach().numpy().copy(),
            popularity=interactions.popularity.numpy(),
            known=known.numpy(),
        )

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`."""
        scores: FloatArray = self.users[users] @ self.items[items].T
        scores += self.bias[items]
        scores[~self.known[users]] = np.log1p(self.popularity[items])
        return scores
