"""Cold-start simulation: some warm nodes play cold, and what they lose must be predicted."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor

from gnn.arrays import tensor_over
from gnn.views import EdgeType, GraphView, View
from training.config import TrainingConfig
from training.evaluation.split import Split


@dataclass(frozen=True, kw_only=True, eq=False)
class Draw:
    """One simulated world.

    Attributes:
        look: makes the graph in which the drawn nodes are cold.
        cold_users: drawn users, bool `[num_users]`.
        cold_items: drawn items, bool `[num_items]`.
        unseen_items: these, and those that nobody ever used, bool `[num_items]`: they have neither
            interactions nor a learned vector.
        hidden: interactions that the world lacks, bool `[num_interactions]`.
    """

    look: Callable[[], View]
    cold_users: Tensor
    cold_items: Tensor
    unseen_items: Tensor
    hidden: Tensor

    @cached_property
    def view(self) -> View:
        """The graph in which the drawn nodes are cold, for whoever looks at all of it."""
        return self.look()

    @cached_property
    def hidden_rows(self) -> Tensor:
        """Rows of the interactions that the world lacks, int64."""
        return torch.nonzero(self.hidden).squeeze(1)

    @cached_property
    def visible_rows(self) -> Tensor:
        """Rows of all other interactions, int64."""
        return torch.nonzero(~self.hidden).squeeze(1)


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

    Attributes:
        num_interactions: training interactions of all domains.
        target_relations: edge types that users who play cold lose.
        overlapping: users who may be drawn, bool `[num_users]`.
        target_items: items that may be drawn, bool `[num_items]`.
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
        self.target_relations = target_relations
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
        self.num_interactions = len(users)

    def draw(self, generator: torch.Generator) -> Draw:
        """Return a new world."""
        cold_users = self._choose(self.overlapping, self._user_share, generator)
        cold_items = self._choose(self.target_items, self._item_share, generator)
        hidden = (cold_users[self._users] & self._in_target) | cold_items[self._items]
        return Draw(
            look=partial(self._graph.view, cold_items, cold_users, self.target_relations),
            cold_users=cold_users,
            cold_items=cold_items,
            unseen_items=self._graph.never_seen | cold_items,
            hidden=hidden,
        )

    @staticmethod
    def _choose(eligible: Tensor, share: float, generator: torch.Generator) -> Tensor:
        chance = torch.rand(len(eligible), generator=generator, device=eligible.device)
        return eligible & (chance < share)


def simulation_of(graph: GraphView, split: Split, config: TrainingConfig) -> Simulation:
    """Return the simulation of what a split's protocol asks of cold nodes.

    Args:
        graph: of `split.train`.
        split: whose protocol says who plays cold.
        config: shares of those who do.
    """
    train, device = split.train, graph.never_seen.device
    user, relation, item = train.interactions
    edges = train.interaction_edges
    return Simulation(
        graph,
        tensor_over(edges.src).to(device),
        tensor_over(edges.dst).to(device),
        torch.from_numpy(train.item_mask(split.target)).to(device),
        ((user, f"{relation}:{split.target}", item),),
        config.simulate_users if split.protocol == "user-cold" else 0.0,
        config.simulate_items if split.protocol == "item-cold" else 0.0,
    )
