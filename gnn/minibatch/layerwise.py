"""Embeddings of all nodes, hop by hop and block by block: no array of them is held in memory."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from gnn.minibatch.surroundings import Surroundings
from gnn.minibatch.world import World
from gnn.model import Embeddings, TransferGNN
from gnn.views import EdgeType

Allocate = Callable[[int, int], Tensor]  # rows and columns to a float32 tensor of zeros on the CPU
Take = Callable[[Mapping[str, Tensor]], Mapping[str, Mapping[str, Tensor]]]


class LayerWise:
    """Embeds every node with its whole neighbourhood; what comes out is that of the network.

    All nodes are taken one hop further before any is taken two, so that each hop of a node is
    computed once, however many hear it. A block of nodes and those that they hear are in memory.

    Args:
        model: the network.
        surroundings: finds neighbourhoods.
        take: gives the channels of some nodes by type, on the device.
        allocate: makes arrays of all nodes, such as files that are mapped into memory.
        block_edges: nodes and edges of a block together, unless one node alone has more.
    """

    def __init__(
        self,
        model: TransferGNN,
        surroundings: Surroundings,
        take: Take,
        allocate: Allocate,
        block_edges: int,
    ) -> None:
        self._model, self._surroundings, self._take = model, surroundings, take
        self._allocate, self._block_edges = allocate, block_edges

    @torch.no_grad()
    def embed(self, world: World) -> Embeddings:
        """Return embeddings of every node of a world, in arrays of `allocate` but for biases."""
        model = self._model
        z = {t: self._array(t) for t in model.num_nodes}
        views = {edge: self._array(model.user_type) for edge in model.interactions}
        h: dict[str, Tensor] = {}
        for number in range(len(model.convs) + 1):
            before, h = h, {}
            for node_type in model.num_nodes:
                mix = model.mix[model.names[node_type]][number][model.part]
                said = views if number == 1 and node_type == model.user_type else {}
                for nodes in self._blocks(world, node_type):
                    rows = self._rows(world, before, number, {node_type: nodes}, said)
                    if rows is None:
                        break  # nothing has reached the type, or is known of it
                    if node_type not in h:
                        h[node_type] = self._array(node_type)
                    h[node_type][nodes.cpu()] = rows.float().cpu()
                    z[node_type][nodes.cpu()] += (rows * mix).float().cpu()
        if world.near:
            z[model.item_type] = self._with_near(world, z[model.item_type])
        return Embeddings(z=z, item_bias=model.item_bias * ~world.cold_items, domain_views=views)

    def _rows(
        self,
        world: World,
        before: Mapping[str, Tensor],
        number: int,
        wanted: Mapping[str, Tensor],
        views: Mapping[EdgeType, Tensor],
    ) -> Tensor | None:
        """Return the states of nodes of one type after a hop, and note what domains say of them."""
        ((node_type, nodes),) = wanted.items()
        if number == 0:
            view = self._surroundings.view(world, wanted, [], near=0)
            return self._model.before(self._take(view.rows), view).get(node_type)
        view = self._surroundings.view(world, wanted, [before.keys()], near=0)
        h = {t: rows[view.rows[t].cpu()].to(nodes.device) for t, rows in before.items()}
        found, to_users = self._model.convs[number - 1](h, *view.hop(0))
        for edge, rows in views.items():
            rows[nodes.cpu()] = to_users[edge].float().cpu()
        after: Tensor | None = found.get(node_type)
        return after

    def _with_near(self, world: World, items: Tensor) -> Tensor:
        item_type, out = self._model.item_type, self._array(self._model.item_type)
        for nodes in self._cut([near.to_dst.rows for near in world.near.values()], len(items)):
            view = self._surroundings.view(world, {item_type: nodes}, [])
            heard, own = items[view.rows[item_type].cpu()].to(nodes.device), len(nodes)
            rows = self._model.with_near(heard[:own], heard, view.cold_items[:own], view)
            out[nodes.cpu()] = rows.float().cpu()
        return out

    def _array(self, node_type: str) -> Tensor:
        return self._allocate(self._model.num_nodes[node_type], len(self._model.part))

    def _blocks(self, world: World, node_type: str) -> list[Tensor]:
        """Return all nodes of a type, in blocks of about as many nodes and edges."""
        begins = []
        for (src, _, dst), relation in world.relations.items():
            begins += [relation.to_dst.rows] if dst == node_type else []
            begins += [relation.to_src.rows] if src == node_type else []
        return self._cut(begins, self._model.num_nodes[node_type])

    def _cut(self, begins: Sequence[Tensor], num_nodes: int) -> list[Tensor]:
        cost = torch.arange(num_nodes + 1, device=self._model.part.device)
        for rows in begins:
            cost += rows
        marks = torch.arange(0, int(cost[-1]), self._block_edges, device=cost.device)
        starts = torch.unique(torch.searchsorted(cost, marks))
        ends = [*starts[1:].tolist(), num_nodes]
        return [
            torch.arange(start, end, device=cost.device)
            for start, end in zip(starts.tolist(), ends, strict=True)
        ]
