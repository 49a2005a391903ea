"""What the network sees in one pass: the graph with some nodes made cold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from gnn.adjacency import Adjacency, Propagation
from gnn.data import NEAR, NEAR_ACROSS
from gnn.fusion import HISTORY

EdgeType = tuple[str, str, str]


@dataclass(frozen=True, kw_only=True)
class View:
    """One look at the graph.

    Attributes:
        propagations: by edge type, over the edges that are visible.
        near: text neighbours to items by relation, over warm neighbours only; empty without text.
        cold_items: items that have neither interactions nor a learned vector, bool `[num_items]`.
        hidden_channels: by node type and channel, nodes that do without it, bool `[num_nodes]`: the
            history of a domain in which any edge of the user is hidden would tell of that edge.
        rows: by node type, which nodes of the graph the rows of this view are, int64; empty where
            they are all of them, in order.
    """

    propagations: Mapping[EdgeType, Propagation]
    near: Mapping[str, Callable[[Tensor], Tensor]]
    cold_items: Tensor
    hidden_channels: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    rows: Mapping[str, Tensor] = field(default_factory=dict)

    def hop(self, number: int) -> tuple[Mapping[EdgeType, Propagation], Mapping[str, int] | None]:
        """Return the edges of a hop, and how many of the first rows of a type they lead to.

        The second is None where messages go to every row.
        """
        return self.propagations, None

    def first(self, rows: Tensor, node_type: str, state: int) -> Tensor:
        """Return the rows of a type that are still needed after `state` hops.

        One more than there are hops are the rows that were asked for.
        """
        return rows

    def pick(self, parameter: Tensor, node_type: str) -> Tensor:
        """Return what a parameter with a row for each node of the graph says of those here."""
        rows = self.rows.get(node_type)
        return parameter if rows is None else parameter.index_select(0, rows)


class GraphView:
    """Makes views of one graph; what is sorted once is kept here.

    Args:
        data: from `gnn.data.to_hetero`.
        user_type: node type of users.
        item_type: node type of items.
        interactions: edge types of what is predicted, from `gnn.data.interaction_types`. Whatever
            else users have to do with items is knowledge: it stays where somebody plays cold.

    Attributes:
        adjacencies: by edge type, without text neighbours.
        near: text neighbours by relation.
        histories: channels that are made of each relation of interactions.
        never_seen: items without interactions, bool `[num_items]`.
    """

    def __init__(
        self, data: HeteroData, user_type: str, item_type: str, interactions: Sequence[EdgeType]
    ) -> None:
        self.user_type, self.item_type = user_type, item_type
        self.interactions = list(interactions)
        self.num_nodes = {
            node_type: int(data[node_type].num_nodes) for node_type in data.node_types
        }
        self.adjacencies = {
            edge_type: Adjacency(
                data[edge_type].edge_index[0],
                data[edge_type].edge_index[1],
                self.num_nodes[edge_type[0]],
                self.num_nodes[edge_type[2]],
                data[edge_type].edge_weight,
            )
            for edge_type in data.edge_types
        }
        self.near = {
            name: self.adjacencies.pop((item_type, name, item_type))
            for name in (NEAR, NEAR_ACROSS)
            if (item_type, name, item_type) in self.adjacencies
        }
        histories = [c for c in data[user_type].get("x", {}) if c.startswith(HISTORY)]
        self.histories = {
            edge: [c for c in histories if edge[1].endswith(":" + c.removeprefix(HISTORY))]
            for edge in self.interactions
        }
        self._fixed: dict[EdgeType, Propagation] | None = None  # of what is never hidden
        warm = torch.zeros(self.num_nodes[item_type], dtype=torch.bool)
        for edge_type in self.interactions:
            warm[self.adjacencies[edge_type].dst] = True
        self.never_seen = ~warm
        self._no_user = torch.zeros(self.num_nodes[user_type], dtype=torch.bool)

    def view(
        self,
        hidden_items: Tensor | None = None,
        hidden_users: Tensor | None = None,
        hidden_relations: tuple[EdgeType, ...] = (),
    ) -> View:
        """Return the graph as it would be if some nodes were cold.

        A user who loses an edge of a domain loses the channel `history:<domain>` too: it is made of
        that edge, among others.

        Args:
            hidden_items: items that lose all interactions, bool `[num_items]`.
            hidden_users: users that lose their edges to items of `hidden_relations`, bool
                `[num_users]`; an item of several domains has such an edge in each of them.
            hidden_relations: edge types of the target domain.
        """
        cold = self.never_seen if hidden_items is None else self.never_seen | hidden_items
        if self._fixed is None:
            self._fixed = {
                edge_type: adjacency.symmetric()
                for edge_type, adjacency in self.adjacencies.items()
                if edge_type not in self.interactions
            }
        propagations = dict(self._fixed)
        hidden: dict[str, Tensor] = {}
        for edge_type, keep in self.visible(hidden_items, hidden_users, hidden_relations).items():
            adjacency = self.adjacencies[edge_type]
            propagations[edge_type] = adjacency.symmetric(keep)
            if keep is not None:
                for channel in self.histories[edge_type]:
                    losers = hidden.setdefault(channel, torch.zeros_like(self._no_user))
                    losers[adjacency.src[~keep]] = True
        near = {name: edges.mean(~cold[edges.src]) for name, edges in self.near.items()}
        return View(
            propagations=propagations,
            near=near,
            cold_items=cold,
            hidden_channels={self.user_type: hidden} if hidden else {},
        )

    def visible(
        self,
        hidden_items: Tensor | None = None,
        hidden_users: Tensor | None = None,
        hidden_relations: tuple[EdgeType, ...] = (),
    ) -> dict[EdgeType, Tensor | None]:
        """Return which edges are left of each relation of interactions; None for all.

        Args:
            hidden_items: as for `view`.
            hidden_users: as for `view`.
            hidden_relations: as for `view`.

        Returns:
            Bool `[num_edges]`, in the order of the relation's adjacency.
        """
        lost = torch.zeros_like(self.never_seen)
        for edge_type in hidden_relations:
            lost[self.adjacencies[edge_type].dst] = True
        kept: dict[EdgeType, Tensor | None] = {}
        for edge_type in self.interactions:
            adjacency = self.adjacencies[edge_type]
            keep = None
            if hidden_items is not None:
                keep = ~hidden_items[adjacency.dst]
            if hidden_users is not None:
                visible = ~(hidden_users[adjacency.src] & lost[adjacency.dst])
                keep = visible if keep is None else keep & visible
            kept[edge_type] = keep
        return kept

    def to(self, device: torch.device) -> "GraphView":
        """Return self with every tensor moved to `device`."""
        if device.type != "cpu":
            for adjacency in (*self.adjacencies.values(), *self.near.values()):
                adjacency.to(device)
            self._fixed = None
            self.never_seen = self.never_seen.to(device)
            self._no_user = self._no_user.to(device)
        return self
