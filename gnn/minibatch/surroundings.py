"""What the embeddings of some nodes depend on, drawn hop by hop."""

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor

from gnn.minibatch.local import Direction, LocalView, local_view
from gnn.minibatch.relation import Drawn
from gnn.minibatch.world import World


class Surroundings:
    """Makes local views.

    A node is drawn once: at every hop it hears the same neighbours, as many as its distance allows.
    What an edge carries is what it carries in the whole graph, times visible over drawn edges of
    its receiver, so that the mean of a message over all draws is the message of all visible
    neighbours. Two hops multiply draws of different nodes, and have the right mean too; of three, a
    path that comes back to its node does not.

    Args:
        num_nodes: by node type.
        user_type: node type of users.
        item_type: node type of items.
        device: where edges are drawn.
    """

    def __init__(
        self, num_nodes: Mapping[str, int], user_type: str, item_type: str, device: torch.device
    ) -> None:
        self.user_type, self.item_type = user_type, item_type
        self._numbers = {
            node_type: torch.full((number,), -1, dtype=torch.int64, device=device)
            for node_type, number in num_nodes.items()
        }

    def view(
        self,
        world: World,
        wanted: Mapping[str, Tensor],
        senders: Sequence[Collection[str]],
        fan_out: Sequence[int] = (-1,),
        *,
        near: int = -1,
        generator: torch.Generator | None = None,
    ) -> LocalView:
        """Return a view of some nodes.

        Args:
            world: which edges there are.
            wanted: nodes by type, int64, each once; the rows of the view begin with them.
            senders: for each hop the node types that have anything to send on it.
            fan_out: how many edges of a relation and direction a node hears, by its distance; the
                last counts for all that are further away, and -1 is all.
            near: how many text neighbours an item hears; -1 for all, 0 for none.
            generator: source of randomness, on the device.
        """
        met = {t: _Met(numbers) for t, numbers in self._numbers.items()}
        try:
            for node_type, nodes in wanted.items():
                met[node_type].add(nodes, each_once=True)
            sizes = [_counts(met)]
            texts = self._near(world, met[self.item_type], near, generator)
            sizes.append(_counts(met))
            drawn: list[dict[Direction, Drawn]] = []
            known = dict.fromkeys(met, 0)
            for distance, sending in enumerate(reversed(senders)):
                limit = fan_out[min(distance, len(fan_out) - 1)]
                drawn.append(_hop(world, met, known, sending, limit, generator))
                known = sizes[-1]
                sizes.append(_counts(met))
            rows = {t: found.nodes() for t, found in met.items()}
        finally:
            for found in met.values():
                found.forget()
        return local_view(
            world,
            rows,
            sizes[::-1],
            drawn,
            texts,
            user_type=self.user_type,
            item_type=self.item_type,
        )

    def _near(
        self, world: World, items: "_Met", limit: int, generator: torch.Generator | None
    ) -> dict[str, Drawn]:
        wanted = items.nodes()
        found = {
            name: relation.draw(wanted, limit, generator, forwards=True)
            for name, relation in world.near.items()
            if limit
        }
        return {name: items.numbered(edges) for name, edges in found.items()}


def _counts(met: Mapping[str, "_Met"]) -> dict[str, int]:
    return {node_type: found.count for node_type, found in met.items()}


def _hop(
    world: World,
    met: Mapping[str, "_Met"],
    known: Mapping[str, int],
    sending: Collection[str],
    limit: int,
    generator: torch.Generator | None,
) -> dict[Direction, Drawn]:
    """Draw the edges into the rows that are not known yet, and add their senders."""
    fresh = {t: found.nodes()[known[t] :] for t, found in met.items()}
    drawn = {}
    for edge_type, relation in world.relations.items():
        src, _, dst = edge_type
        for forwards, sender, receiver in ((True, src, dst), (False, dst, src)):
            if sender in sending and len(fresh[receiver]):
                found = relation.draw(fresh[receiver], limit, generator, forwards=forwards)
                found = found._replace(receivers=found.receivers + known[receiver])
                drawn[edge_type, forwards] = met[sender].numbered(found)
    return drawn


class _Met:
    """Nodes of a type in the order in which they were met: their place is their row.

    Args:
        numbers: room for the row of every node, all -1; as it was when `forget` is called.
    """

    def __init__(self, numbers: Tensor) -> None:
        self._numbers, self._nodes = numbers, [numbers[:0]]
        self.count = 0

    def nodes(self) -> Tensor:
        """Return the nodes by row."""
        return torch.cat(self._nodes)

    def add(self, nodes: Tensor, *, each_once: bool = False) -> None:
        """Give a row to nodes that have none, in the order of the graph or in that of new ones."""
        if not each_once:
            there = torch.zeros(len(self._numbers), dtype=torch.bool, device=nodes.device)
            there[nodes] = True
            nodes = (there & (self._numbers < 0)).nonzero().squeeze(1)
        self._numbers[nodes] = torch.arange(
            self.count, self.count + len(nodes), device=nodes.device
        )
        self._nodes.append(nodes)
        self.count += len(nodes)

    def numbered(self, drawn: Drawn) -> Drawn:
        """Return edges whose senders are rows; new ones are added."""
        self.add(drawn.senders)
        return drawn._replace(senders=self._numbers[drawn.senders])

    def forget(self) -> None:
        """Clear the room for the next view."""
        self._numbers[self.nodes()] = -1
