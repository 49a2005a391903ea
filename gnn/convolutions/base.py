"""What a hop is, whatever its architecture."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import ClassVar

from torch import Tensor, nn

from gnn.adjacency import Propagation
from gnn.layers import EdgeType

Messages = tuple[dict[str, Tensor], dict[EdgeType, Tensor]]

CONVOLUTIONS = {
    "light": "LightRelationConv",
    "rgcn": "RelationalConv",
    "hgt": "HeteroTransformerConv",
    "sage": "SampleMeanConv",
    "gat": "AttentionConv",
    "lightgcn": "LightGraphConv",
}


class Convolution(nn.Module, ABC):
    """One hop over every relation and its reverse.

    Attributes:
        learned_mixture: whether the network learns how much each hop counts, or adds them up.
        knowledge: whether relations that are not interactions carry anything.
    """

    learned_mixture: ClassVar[bool] = True
    knowledge: ClassVar[bool] = True

    @abstractmethod
    def forward(
        self,
        h: Mapping[str, Tensor],
        propagations: Mapping[EdgeType, Propagation],
        receivers: Mapping[str, int] | None = None,
    ) -> Messages:
        """Return the rows of the next hop by node type, and what each relation sent to its sources.

        Both hold `[num_nodes, width]`; the second is what each domain alone says of a user, 0
        without a visible edge there. Edges of weight 0, which is what hidden ones have, carry
        nothing and decide nothing. A type that `h` lacks sends nothing: no product is made for it.

        Args:
            h: rows by node type, `[num_nodes, width]`.
            propagations: by edge type; of any direction, from all rows to the first `receivers`.
            receivers: by node type, how many of the first rows have a next hop; None: all.
        """


def convolution(
    name: str,
    part: Tensor,
    initial: Mapping[EdgeType, float],
    *,
    node_types: Sequence[str],
    interactions: Sequence[EdgeType],
) -> Convolution:
    """Return a hop of the architecture called `name`, one of `CONVOLUTIONS`.

    Args:
        name: "light", "rgcn", "hgt", "sage", "gat" or "lightgcn".
        part: which part each coordinate belongs to, int64 `[width]`.
        initial: relations, with what a message over each is worth at first.
        node_types: all of them.
        interactions: which relations are interactions.
    """
    # imported here, as every one of them imports this file
    made = getattr(import_module(f"gnn.convolutions.{name}"), CONVOLUTIONS[name])
    if name == "lightgcn":
        return made(interactions)  # type: ignore[no-any-return]
    if name == "light":
        return made(part, initial)  # type: ignore[no-any-return]
    return made(part, initial, node_types)  # type: ignore[no-any-return]


def own_rows(h: Mapping[str, Tensor], receivers: Mapping[str, int] | None) -> Mapping[str, Tensor]:
    """Return the rows of those that have a next hop."""
    return h if receivers is None else {t: rows[: receivers[t]] for t, rows in h.items()}


def summed(messages: Sequence[tuple[str, Tensor]]) -> dict[str, Tensor]:
    """Return the sum of messages by the node type that gets them."""
    out: dict[str, Tensor] = {}
    for node_type, message in messages:
        out[node_type] = out[node_type] + message if node_type in out else message
    return out
