"""Cold-start simulation: some warm nodes play cold, and what they lose must be predicted."""

from dataclasses import dataclass

import torch
from torch import Tensor

from gnn.views import EdgeType, GraphView, View


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One simulated world.

    Attributes:
        view: the graph in which the drawn nodes are cold.
        cold_items: drawn items, bool `[num_items]`.
        hidden: interactions that the view lacks, bool `[num_interactions]`.
    """

    view: View
    cold_items: Tensor
    hidden: Tensor


class Simulation:
    """Draws which overlapping users and which target items play cold.

    A drawn user loses all target-domain edges; a drawn item loses all interactions and its learned
    vector: exactly what cold nodes lack (compare DropoutNet, Volkovs et al. 2017).

    Args:
        graph: the training graph.
        users: user of each training interaction, int64 `[num_interactions]`.
        items: item of each.
        target_items: bool `[num_items]`.
        target_relations: interaction edge types of the target domain.
        user_share: share of overlapping users drawn.
        item_share: share of warm target items drawn.
    """

    def __init__(
        self,
        graph: GraphView,
        users: Tensor,
        items: Tensor,
        target_items: Tensor,
        target_relations: tuple[EdgeType, ...],
        user_share: float,
        item_share: float,
    ) -> None:
        self._graph, self._users, self._items = graph, users, items
        self._target_relations = target_relations
        self._in_target = target_items[items]
        num_users, num_items = graph.num_nodes[graph.user_type], len(target_items)
        in_target = torch.zeros(num_users, dtype=torch.bool, device=users.device)
        elsewhere = torch.zeros_like(in_target)
        in_target[users[self._in_target]] = True
        elsewhere[users[~self._in_target]] = True
        self.overlapping = in_target & elsewhere
        warm = torch.zeros(num_items, dtype=torch.bool, device=items.device)
        warm[items] = True
        self.target_items = warm & target_items
        self._user_share, self._item_share = user_share, item_share

    def draw(self, generator: torch.Generator) -> Draw:
        """Return a new world."""
        cold_users = self._choose(self.overlapping, self._user_share, generator)
        cold_items = self._choose(self.target_items, self._item_share, generator)
        hidden = (cold_users[self._users] & self._in_target) | cold_items[self._items]
        view = self._graph.view(cold_items, cold_users, self._target_relations)
        return Draw(view=view, cold_items=cold_items, hidden=hidden)

    @staticmethod
    def _choose(eligible: Tensor, share: float, generator: torch.Generator) -> Tensor:
        chance = torch.rand(len(eligible), generator=generator, device=eligible.device)
        return eligible & (chance < share)
