"""What the embeddings of some nodes depend on, drawn hop by hop."""

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor

from gnn.minibatch.local import Direction, LocalView, local_view
from gnn.minibatch.relation import Drawn
from gnn.minibatch.world import World
from gnn.sampling.numbering import Numbering, Tables


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
        self._num_nodes, self._device, self._tables = num_nodes, device, Tables(num_nodes)

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
        nobody = torch.empty(0, dtype=torch.int64, device=self._device)
        met = {
            t: Numbering(
                wanted.get(t, nobody),
                number,
                table=self._tables.take(t, self._device),
                subgraphs=None,
            )
            for t, number in self._num_nodes.items()
        }
        sizes = [_counts(met)]
        texts = _near(world, met[self.item_type], near, generator)
        sizes.append(_counts(met))
        drawn: list[dict[Direction, Drawn]] = []
        known = dict.fromkeys(met, 0)
        for distance, sending in enumerate(reversed(senders)):
            limit = fan_out[min(distance, len(fan_out) - 1)]
            drawn.append(_hop(world, met, known, sending, limit, generator))
            known = sizes[-1]
            sizes.append(_counts(met))
        rows = {t: numbering.nodes for t, numbering in met.items()}
        for node_type, numbering in met.items():
            self._tables.give_back(node_type, numbering)
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
    world: World, items: Numbering, limit: int, generator: torch.Generator | None
) -> dict[str, Drawn]:
    """Draw text neighbours of the items that are there, and add them."""
    wanted, drawn = items.nodes, {}
    for name, relation in world.near.items() if limit else ():
        found = relation.draw(wanted, limit, generator, forwards=True)
        drawn[name] = found._replace(senders=items.number(found.senders, None))
    return drawn


def _counts(met: Mapping[str, Numbering]) -> dict[str, int]:
    return {node_type: sum(numbering.counts) for node_type, numbering in met.items()}


def _hop(
    world: World,
    met: Mapping[str, Numbering],
    known: Mapping[str, int],
    sending: Collection[str],
    limit: int,
    generator: torch.Generator | None,
) -> dict[Direction, Drawn]:
    """Draw the edges into the rows that are not known yet, and add their senders."""
    fresh = {t: numbering.nodes[known[t] :] for t, numbering in met.items()}
    drawn = {}
    for edge_type, relation in world.relations.items():
        src, _, dst = edge_type
        for forwards, sender, receiver in ((True, src, dst), (False, dst, src)):
            if sender in sending and len(fresh[receiver]):
                found = relation.draw(fresh[receiver], limit, generator, forwards=forwards)
                drawn[edge_type, forwards] = found._replace(
                    receivers=found.receivers + known[receiver],
                    senders=met[sender].number(found.senders, None),
                )
    return drawn
