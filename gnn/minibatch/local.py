"""Some nodes with their surroundings: a view that has only the rows their embeddings depend on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gnn.adjacency import Propagation
from gnn.minibatch.block import Block, LocalPropagation
from gnn.minibatch.relation import Drawn, Relation
from gnn.minibatch.world import World
from gnn.views import EdgeType, View

Direction = tuple[EdgeType, bool]  # and whether messages go from its sources to its destinations


@dataclass(frozen=True, kw_only=True)
class LocalView(View):
    """A view of some nodes: those that were asked for first, then others, ever further away.

    Attributes:
        hops: edges of each hop; `propagations` is not used.
        sizes: by state and node type, how many of the first rows are needed after so many hops.
            The last, one more than there are hops, are those that were asked for.
    """

    hops: Sequence[Mapping[EdgeType, Propagation]]
    sizes: Sequence[Mapping[str, int]]

    def hop(self, number: int) -> tuple[Mapping[EdgeType, Propagation], Mapping[str, int]]:
        """Return the edges of a hop, and how many of the first rows of a type they lead to."""
        return self.hops[number], self.sizes[number + 1]

    def first(self, rows: Tensor, node_type: str, state: int) -> Tensor:
        """Return the rows of a type that are still needed after `state` hops."""
        return rows[: self.sizes[state][node_type]]


def local_view(
    world: World,
    rows: Mapping[str, Tensor],
    sizes: Sequence[Mapping[str, int]],
    drawn: Sequence[Mapping[Direction, Drawn]],
    near: Mapping[str, Drawn],
    *,
    user_type: str,
    item_type: str,
) -> LocalView:
    """Return what was drawn as a view.

    Args:
        world: what it was drawn from.
        rows: by node type, which nodes the rows of the view are.
        sizes: as in `LocalView`.
        drawn: edges into the rows that came first, then into those that came next, and so on; both
            ends are rows of the view.
        near: text neighbours of the items that were asked for.
        user_type: node type of users.
        item_type: node type of items.
    """
    degrees = {e: _degrees(relation, e, rows) for e, relation in world.relations.items()}
    hops = []
    for number in range(len(drawn)):
        edges, ends = drawn[: len(drawn) - number], (sizes[number], sizes[number + 1])
        hops.append({e: _propagation(e, edges, degrees[e], *ends) for e in world.relations})
    items = rows[item_type]
    means = {}
    for name, found in near.items():
        total = world.near[name].in_degree[items].float().clamp(min=1e-12)
        values = found.weight / total[found.receivers]
        shape = sizes[-1][item_type], sizes[-2][item_type]
        means[name] = Block(found.receivers, found.senders, values, *shape)
    lost = {channel: users[rows[user_type]] for channel, users in world.lost.items()}
    return LocalView(
        propagations={},
        near=means,
        cold_items=world.cold_items[items],
        hidden_channels={user_type: lost} if lost else {},
        rows=rows,
        hops=hops,
        sizes=sizes,
    )


def _degrees(
    relation: Relation, edge_type: EdgeType, rows: Mapping[str, Tensor]
) -> tuple[Tensor, Tensor]:
    """Return degrees in the whole graph of the rows, of the sources and of the destinations."""
    src, _, dst = edge_type
    return relation.out_degree[rows[src]].float(), relation.in_degree[rows[dst]].float()


def _propagation(
    edge_type: EdgeType,
    drawn: Sequence[Mapping[Direction, Drawn]],
    degrees: tuple[Tensor, Tensor],
    senders: Mapping[str, int],
    receivers: Mapping[str, int],
) -> LocalPropagation:
    src, _, dst = edge_type
    of_src, of_dst = degrees[0][: senders[src]], degrees[1][: senders[dst]]
    return LocalPropagation(
        _block(drawn, (edge_type, True), of_src, of_dst, receivers[dst]),
        _block(drawn, (edge_type, False), of_dst, of_src, receivers[src]),
        of_src,
        of_dst,
    )


def _block(
    drawn: Sequence[Mapping[Direction, Drawn]],
    direction: Direction,
    of_senders: Tensor,
    of_receivers: Tensor,
    num_receivers: int,
) -> Block:
    parts = [edges[direction] for edges in drawn if direction in edges]
    if not parts:
        none = torch.zeros(0, dtype=torch.int64, device=of_senders.device)
        parts = [Drawn(none, none, of_senders[:0])]
    receivers, senders, weight = (torch.cat(column) for column in zip(*parts, strict=True))
    scale = (
        of_receivers.clamp(min=1e-12).rsqrt()[receivers]
        * of_senders.clamp(min=1e-12).rsqrt()[senders]
    )
    return Block(receivers, senders, weight * scale, num_receivers, len(of_senders))
