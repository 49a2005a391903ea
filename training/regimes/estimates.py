"""How many bytes a regime takes, from counts of nodes and edges, widths and layers."""

from collections.abc import Sequence
from dataclasses import dataclass

from gnn.convolutions.base import Convolution
from gnn.convolutions.light import LightRelationConv
from gnn.convolutions.lightgcn import LightGraphConv
from gnn.decoupled.paths import roots
from gnn.model import TransferGNN
from gnn.views import GraphView
from training.baselines.ease import MAX_ITEMS

FLOAT = 4
COPIES = 5  # of a weight: its gradient, two moments, the best epoch's, and a checkpoint's
EDGE = 36  # bytes of an edge in the view of a world: values both ways, weights, and masks
SCORES = 4  # arrays of positives and negatives that a loss holds at once
STATES = 6  # arrays of rows that a sampled step holds at once
HEAVY = 4.0  # how much more a hop takes that weighs each edge, or maps vectors

RANK = 256  # of the second stage's factors
FACTORS = 6  # sets of them, of users and items, held at once
SIMILAR = 1_000  # items that a signal keeps of each
SIGNALS = 400_000_000  # blocks of pairs that signals are made and read in


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Everything that memory is estimated from.

    Attributes:
        nodes: by type.
        edges: by edge type.
        near: edges of text neighbours.
        width: of embeddings.
        layers: hops.
        weights: numbers in the network.
        batch: interactions in a step.
        negatives: of each kind of positive.
        messages: rows that relations send in all hops together.
        states: rows of nodes that have a state after a hop, over all hops.
        domains: relations that are interactions.
        users: how many.
        items: how many.
        light: whether hops have no weight matrices and do not weigh edges.
    """

    nodes: dict[str, int]
    edges: dict[str, int]
    near: int
    width: int
    layers: int
    weights: int
    batch: int
    negatives: int
    messages: int
    states: int
    domains: int
    users: int
    items: int
    light: bool

    @classmethod
    def of(cls, model: TransferGNN, graph: GraphView, batch: int, negatives: int) -> "Sizes":
        """Return those of a network on a graph."""
        conv, messages, states = model.convs[0], 0, 0
        reached = {root.node_type for root in roots(model)}
        for _ in model.convs:
            got = set()
            for (src, _, dst), adjacency in graph.adjacencies.items():
                for sender, receiver in ((src, dst), (dst, src)):
                    if sender in reached and len(adjacency):
                        messages += graph.num_nodes[receiver]
                        got.add(receiver)
            reached = got
            states += sum(graph.num_nodes[node_type] for node_type in got)
        assert isinstance(conv, Convolution)
        return cls(
            nodes=dict(graph.num_nodes),
            edges={":".join(edge): len(a) for edge, a in graph.adjacencies.items()},
            near=sum(len(edges) for edges in graph.near.values()),
            width=len(model.part),
            layers=len(model.convs),
            weights=sum(parameter.numel() for parameter in model.parameters()),
            batch=batch,
            negatives=negatives,
            messages=messages,
            states=states,
            domains=len(model.interactions),
            users=graph.num_nodes[model.user_type],
            items=graph.num_nodes[model.item_type],
            light=isinstance(conv, LightRelationConv | LightGraphConv),
        )

    @property
    def all_nodes(self) -> int:
        """Nodes of all types."""
        return sum(self.nodes.values())

    @property
    def embeddings(self) -> int:
        """Bytes of one set of embeddings of all nodes, with the users' by domain."""
        return FLOAT * self.width * (self.all_nodes + self.domains * self.users)

    @property
    def view(self) -> int:
        """Bytes of the edges in the view of a world."""
        return EDGE * (sum(self.edges.values()) + self.near)

    @property
    def step(self) -> int:
        """Bytes of the scores and rows of a batch, with their gradients."""
        rows = 2 * self.batch + 4 * self.negatives
        return FLOAT * (SCORES * self.batch * self.negatives + 4 * rows * self.width)


def full(sizes: Sizes) -> int:
    """Return the bytes that full propagation adds: states of all hops are kept for gradients."""
    hops = (sizes.messages + 2 * sizes.states) * (1 if sizes.light else HEAVY)
    near = 4 * sizes.items if sizes.near else 0
    states = FLOAT * sizes.width * (hops + near + 4 * sizes.all_nodes)
    weights = COPIES * FLOAT * sizes.weights
    return int(states + sizes.view + weights + 2 * sizes.embeddings + sizes.step)


def decoupled(sizes: Sizes, block_bytes: int) -> int:
    """Return the bytes that decoupled propagation adds, beside files: edges, weights, a block."""
    block = min(block_bytes, 4 * FLOAT * sizes.all_nodes * sizes.width)
    rows = min(sizes.all_nodes, 2 * sizes.batch + 4 * sizes.negatives)
    step = sizes.step + 4 * FLOAT * sizes.width * rows
    users = FLOAT * sizes.width * sizes.users  # joined with their relation, to be scored
    return int(2 * FLOAT * sizes.weights + sizes.view + block + step + 2 * users)


def sampled(sizes: Sizes, fan_out: Sequence[int], block_bytes: int) -> int:
    """Return the bytes that sampled training adds: states of what a batch hears, and weights.

    Args:
        sizes: of the graph.
        fan_out: neighbours of a relation and direction that are drawn, by distance.
        block_bytes: of states that are held at once where all nodes are embedded.
    """
    reached = heard = 2 * sizes.batch + 4 * sizes.negatives
    for distance in range(sizes.layers):
        heard *= fan_out[min(distance, len(fan_out) - 1)] * max(1, len(sizes.edges))
        reached += heard
    rows = min(sizes.all_nodes, reached)
    states = STATES * FLOAT * sizes.width * rows * (1 if sizes.light else HEAVY)
    weights = COPIES * FLOAT * sizes.weights
    users = FLOAT * sizes.width * sizes.users
    return int(states + weights + sizes.view + sizes.step + block_bytes + users)


def second_stage(sizes: Sizes, channels: int, dense: bool) -> int:
    """Return the bytes that the second stage adds: a rehearsed world, with its signals.

    Args:
        sizes: of the whole graph; a rehearsed world is nearly as large.
        channels: bytes of the network's input.
        dense: whether EASE is among the signals, which has a number for each pair of items.
    """
    world = channels + 2 * FLOAT * sizes.weights + sizes.embeddings
    factors = FLOAT * RANK * FACTORS * (sizes.users + sizes.items)
    similar = 24 * min(SIMILAR, sizes.items) * sizes.items
    pairs = 3 * FLOAT * min(MAX_ITEMS, sizes.items) ** 2 if dense else 0
    return int(world + 2 * sizes.view + factors + similar + pairs + SIGNALS)
