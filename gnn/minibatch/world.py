"""A graph whose edges are drawn from, with some nodes cold and some edges left out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gnn.minibatch.relation import Relation
from gnn.views import EdgeType, GraphView


@dataclass(frozen=True, kw_only=True, eq=False)
class World:
    """What can be drawn: a `View` before anything is computed.

    Attributes:
        relations: by edge type.
        near: text neighbours to items by relation, over warm neighbours only.
        cold_items: as in `View`, bool `[num_items]`.
        lost: by channel made of a history, users who do without it, bool `[num_users]`.
    """

    relations: Mapping[EdgeType, Relation]
    near: Mapping[str, Relation]
    cold_items: Tensor
    lost: Mapping[str, Tensor]


class Worlds:
    """Makes worlds of one graph. The graph's arrays are shared, and may be memory-mapped.

    Args:
        graph: on the device where edges are drawn.
        carriers: edge types that messages go over.
    """

    def __init__(self, graph: GraphView, carriers: Collection[EdgeType]) -> None:
        self.graph = graph
        self._relations = {e: Relation.of(graph.adjacencies[e]) for e in carriers}
        self._near = {name: Relation.of(adj) for name, adj in graph.near.items()}

    def world(
        self,
        hidden_items: Tensor | None = None,
        hidden_users: Tensor | None = None,
        hidden_relations: tuple[EdgeType, ...] = (),
    ) -> World:
        """Return the graph as it would be if some nodes were cold: `GraphView.view`, lazily."""
        graph, relations = self.graph, dict(self._relations)
        for edge_type, keep in graph.visible(hidden_items, hidden_users, hidden_relations).items():
            if keep is not None:
                relations[edge_type] = relations[edge_type].without(~keep)
        never = graph.never_seen
        cold = never if hidden_items is None else never | hidden_items
        near = {
            name: relation.without(cold[graph.near[name].src])
            for name, relation in self._near.items()
        }
        lost = self._lost(self._relations, relations)
        return World(relations=relations, near=near, cold_items=cold, lost=lost)

    def without(self, world: World, pairs: Mapping[EdgeType, tuple[Tensor, Tensor]]) -> World:
        """Return a world without some edges, such as those that a batch is to predict.

        Args:
            world: what else is left out.
            pairs: sources and destinations by edge type, int64; those without an edge do not count.
        """
        relations = dict(world.relations)
        for edge_type, (src, dst) in pairs.items():
            if edge_type not in relations:
                continue  # carries nothing
            relations[edge_type] = relations[edge_type].without_pairs(src, dst)
        found = self._lost(world.relations, relations)
        both = {c: users | found[c] if c in found else users for c, users in world.lost.items()}
        return replace(world, relations=relations, lost={**found, **both})

    def _lost(
        self, before: Mapping[EdgeType, Relation], after: Mapping[EdgeType, Relation]
    ) -> dict[str, Tensor]:
        """Return, by channel, who has lost an edge that it was made of."""
        lost: dict[str, Tensor] = {}
        for edge_type in self.graph.interactions:
            channels = self.graph.histories[edge_type]
            if not channels or after[edge_type] is before[edge_type]:
                continue
            index = after[edge_type].to_src
            fewer = torch.zeros(index.num_dst, dtype=torch.bool, device=index.device)
            fewer[index.taken()[1]] = True
            for channel in channels:
                lost[channel] = lost[channel] | fewer if channel in lost else fewer
        return lost
