"""The network: inputs, hops over every relation, one hop over text neighbours, decoder."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch_geometric.data import HeteroData

from gnn.convolutions.base import convolution as make_convolution
from gnn.data import NEAR, NEAR_ACROSS
from gnn.decoders import make_decoder
from gnn.fusion import NodeInput
from gnn.layers import parameter_name
from gnn.views import EdgeType, GraphView, View

INTERACTION_GATE = 0.7  # a user's domains together weigh about as much as one alone
KNOWLEDGE_GATE = 0.1
NEAR_GATE = {NEAR: 1.0, NEAR_ACROSS: 0.1}  # of cold items, which stand on their neighbours
NEAR_GATE_WARM = 0.0  # a warm item has its own history


@dataclass(frozen=True, kw_only=True)
class Embeddings:
    """What one forward pass gives, of the nodes that were asked for.

    Attributes:
        z: by node type, float `[num_nodes, width]`.
        item_bias: float `[num_items]`, 0 for cold items.
        domain_views: by interaction relation, every user as that domain alone shows them: their
            first-hop message, float `[num_users, width]`, 0 without a visible edge there.
    """

    z: dict[str, Tensor]
    item_bias: Tensor
    domain_views: dict[EdgeType, Tensor]


class TransferGNN(nn.Module):
    r"""Heterogeneous message passing whose embeddings need no history of their own.

    .. math::
        h^0 = \mathrm{fuse}_c(W_c x_c + b_c) + \mathrm{residual}, \quad
        h^{l+1} = \mathrm{conv}_l(h^l), \quad
        z = \sum_l a_l \odot h^l \; (+\; g \odot \bar z_{\text{text neighbours}} \text{ for items})

    A cold item has no residual and no interactions: what it gets is its text, its entities, and
    the last hop, the weighted mean of its nearest warm items in text. A cold user has the edges
    of the other domain. Score of user u and item i: decoder(z_u, z_i) + b_i, with b_i learned for
    warm items only.

    Args:
        graph: adjacencies and node counts.
        data: channels, for their widths.
        parts: widths of the parts of an embedding, which have gates of their own.
        layers: number of hops.
        decoder: of interactions: "dot", "distmult" or "complex", see `gnn.decoders`.
        fusion: of the channels of a node: "concat", "gate" or "attention".
        convolution: architecture of the hops, see `gnn.convolutions`.
        knowledge_decoder: of all other relations: any of `gnn.decoders`.
    """

    def __init__(
        self,
        graph: GraphView,
        data: HeteroData,
        *,
        parts: tuple[int, ...],
        layers: int,
        decoder: str,
        fusion: str = "concat",
        convolution: str = "light",
        knowledge_decoder: str = "distmult",
    ) -> None:
        super().__init__()
        width = sum(parts)
        part = torch.arange(len(parts)).repeat_interleave(torch.tensor(parts))
        self.part: Tensor
        self.register_buffer("part", part, persistent=False)
        self.user_type, self.item_type = graph.user_type, graph.item_type
        self.num_nodes = dict(graph.num_nodes)
        self.interactions = list(graph.interactions)
        self.knowledge = [edge for edge in graph.adjacencies if edge not in self.interactions]
        self.names = {node_type: parameter_name(node_type) for node_type in graph.num_nodes}
        self.inputs = nn.ModuleDict(
            {
                self.names[node_type]: NodeInput(
                    num_nodes,
                    part,
                    {c: rows.shape[1] for c, rows in data[node_type].get("x", {}).items()},
                    residual=node_type == graph.item_type,
                    fusion=fusion,
                )
                for node_type, num_nodes in graph.num_nodes.items()
            }
        )
        initial = dict.fromkeys(self.interactions, INTERACTION_GATE)
        initial.update(dict.fromkeys(self.knowledge, KNOWLEDGE_GATE))
        hops = [
            make_convolution(
                convolution,
                part,
                initial,
                node_types=list(self.names),
                interactions=self.interactions,
            )
            for _ in range(layers)
        ]
        self.convs = nn.ModuleList(hops)
        self.carriers = [*self.interactions, *(self.knowledge if hops[0].knowledge else [])]
        learned = hops[0].learned_mixture
        self.mix = nn.ParameterDict(
            {
                name: nn.Parameter(torch.ones(layers + 1, len(parts)), requires_grad=learned)
                for name in self.names.values()
            }
        )
        self.near_cold = nn.ParameterDict(
            {name: nn.Parameter(torch.full((len(parts),), NEAR_GATE[name])) for name in graph.near}
        )
        self.near_warm = nn.ParameterDict(
            {name: nn.Parameter(torch.full((len(parts),), NEAR_GATE_WARM)) for name in graph.near}
        )
        self.item_bias = nn.Parameter(torch.zeros(graph.num_nodes[graph.item_type]))
        self.decoder = make_decoder(decoder, 1, width)
        self.knowledge_decoder = make_decoder(knowledge_decoder, max(len(self.knowledge), 1), width)

    def from_data(self) -> list[nn.Parameter]:
        """Return the parameters that `gnn.start` sets: vectors, projections and item biases."""
        inputs = [self.node_input(node_type) for node_type in self.names]
        return [*(p for layer in inputs for p in layer.from_data()), self.item_bias]

    def node_input(self, node_type: str) -> NodeInput:
        """Return what embeds the nodes of a type before any message."""
        layer: nn.Module = self.inputs[self.names[node_type]]
        assert isinstance(layer, NodeInput)
        return layer

    def before(self, x: Mapping[str, Mapping[str, Tensor]], view: View) -> dict[str, Tensor]:
        """Return states before any hop, by the types that anything is known of; see `states`."""
        cold = {self.item_type: view.cold_items}
        inputs = {
            t: self.inputs[name](
                x.get(t, {}), cold.get(t), view.hidden_channels.get(t), view.rows.get(t)
            )
            for t, name in self.names.items()
        }
        return {node_type: rows for node_type, rows in inputs.items() if rows is not None}

    def senders(self) -> list[set[str]]:
        """Return, for each hop, the node types that may have anything to send.

        Users without features have nothing on the first: nobody needs to hear them there.
        """
        inputs = {t: self.node_input(t) for t in self.names}
        there = {t for t, layer in inputs.items() if layer.names or layer.residual is not None}
        found = []
        for _ in self.convs:
            found.append(there)
            ends = [(src, dst) for src, _, dst in self.carriers]
            reached = [t for pair in ends for t in pair if there & set(pair)]
            there = there | set(reached)
        return found

    def states(
        self, x: Mapping[str, Mapping[str, Tensor]], view: View
    ) -> tuple[list[dict[str, Tensor]], dict[EdgeType, Tensor]]:
        """Return states of every node before any hop and after each, and `domain_views`.

        A type that nothing is known of and nothing has reached yet is missing.

        Args:
            x: channels by node type and name, `[num_rows, in_channels]`.
            view: which edges are visible, which items are cold, and which channels are hidden.
        """
        states = [self.before(x, view)]
        domain_views: dict[EdgeType, Tensor] = {}
        for number, conv in enumerate(self.convs):
            h, to_users = conv(states[-1], *view.hop(number))
            domain_views = domain_views or {edge: to_users[edge] for edge in self.interactions}
            states.append(h)
        return states, domain_views

    def forward(self, x: Mapping[str, Mapping[str, Tensor]], view: View) -> Embeddings:
        """Embed every node of a view, or those that it was made for.

        Args:
            x: channels by node type and name, `[num_rows, in_channels]`.
            view: which edges are visible, which items are cold, and which channels are hidden.
        """
        states, domain_views = self.states(x, view)
        mix = {t: self.mix[name][:, self.part] for t, name in self.names.items()}
        z: dict[str, Tensor] = {}
        for hop, h in enumerate(states):
            for node_type, rows in h.items():
                mixed = view.first(rows, node_type, len(self.convs)) * mix[node_type][hop]
                z[node_type] = z[node_type] + mixed if node_type in z else mixed
        items = z[self.item_type]
        for node_type, num_nodes in self.num_nodes.items():
            if node_type not in z:  # without features, and further from items than there are hops
                num_rows = len(view.rows.get(node_type, range(num_nodes)))
                z[node_type] = items.new_zeros(num_rows, items.shape[1])
        z = {t: view.first(rows, t, len(states)) for t, rows in z.items()}
        cold = view.first(view.cold_items, self.item_type, len(states))
        z[self.item_type] = self.with_near(z[self.item_type], items, cold, view)
        bias = view.first(view.pick(self.item_bias, self.item_type), self.item_type, len(states))
        domain_views = {
            edge: view.first(rows, self.user_type, len(states))
            for edge, rows in domain_views.items()
        }
        return Embeddings(z=z, item_bias=bias * ~cold, domain_views=domain_views)

    def with_near(self, z: Tensor, items: Tensor, cold: Tensor, view: View) -> Tensor:
        """Return embeddings of items with those of their text neighbours.

        Args:
            z: before, `[num_items, width]`.
            items: those that neighbours are among.
            cold: which of `z` are cold, bool `[num_items]`.
            view: who is whose neighbour.
        """
        for name, near in view.near.items():
            z = z + self.near_gate(name, cold, self.part) * near(items)
        return z

    def near_gate(self, name: str, cold: Tensor, part: Tensor) -> Tensor:
        """Return how much items want of their text neighbours, `[num_items, len(part)]`.

        Args:
            name: of the relation.
            cold: which items are cold, bool `[num_items]`.
            part: which part each coordinate is of: `self.part`, or some of it.
        """
        return torch.where(cold[:, None], self.near_cold[name][part], self.near_warm[name][part])
