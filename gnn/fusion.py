"""What is known of a node before any message: its channels, fused, and a vector of warm nodes."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gnn.layers import parameter_name

HISTORY = "history:"  # what channels are called that say what a user did in a domain


class NodeInput(nn.Module):
    r"""Input embedding of one node type: fused channels, plus a residual where warm.

    Channel c of a node, where it is known, says :math:`v_c = W_c x_c + b_c`. Channels of what a
    node is are summed with weights:

    - ``concat``: all weights are 1, which is a linear map of the channels side by side;
    - ``gate``: :math:`n \cdot \mathrm{softmax}_c(g_c)` over the n channels that the node has, with
      one learned :math:`g_c` for each part of the embedding;
    - ``attention``: :math:`n \cdot \mathrm{softmax}_c(g_c + q \cdot v_c / \sqrt{width})`, part by
      part, with a learned query q, so that the weights depend on what the channels say.

    g and q begin at 0: all three begin as the same sum, and are the same for a node with one
    channel. Channels of what a user did (`history:books`) are added, each through gates of its own
    that begin at 0: the edges say the same, so they have to earn their place.

    Cold nodes do without the residual, so a new node needs no training to get an embedding. Only
    items have residuals at all: users are what they did, entities what they are linked to.
    Projections are linear because they start at principal components (`gnn.start`): a random hidden
    layer would only blur them.

    Args:
        num_nodes: nodes of the type.
        part: which part each coordinate of the embedding belongs to, int64 `[width]`.
        channels: width of each channel by name.
        residual: whether nodes get a learned vector.
        fusion: "concat", "gate" or "attention".
    """

    def __init__(
        self,
        num_nodes: int,
        part: Tensor,
        channels: Mapping[str, int],
        *,
        residual: bool,
        fusion: str = "concat",
    ) -> None:
        super().__init__()
        width, num_parts = len(part), int(part.max()) + 1
        self.part: Tensor
        self.register_buffer("part", part, persistent=False)
        self.residual = nn.Parameter(torch.zeros(num_nodes, width)) if residual else None
        self.names = {channel: parameter_name(channel) for channel in channels}
        self.project = nn.ModuleDict(
            {self.names[channel]: nn.Linear(size, width) for channel, size in channels.items()}
        )
        weighed = [c for c in channels if c.startswith(HISTORY) or fusion != "concat"]
        self.gates = nn.ParameterDict(
            {self.names[channel]: nn.Parameter(torch.zeros(num_parts)) for channel in weighed}
        )
        self.fusion = fusion
        self.query = nn.Parameter(torch.zeros(width)) if fusion == "attention" else None

    def from_data(self) -> list[nn.Parameter]:
        """Return the parameters that `gnn.start` sets: not the gates, which weigh them."""
        own = [] if self.residual is None else [self.residual]
        return [*own, *self.project.parameters()]

    def forward(
        self,
        x: Mapping[str, Tensor],
        cold: Tensor | None = None,
        hidden: Mapping[str, Tensor] | None = None,
        nodes: Tensor | None = None,
    ) -> Tensor | None:
        """Return embeddings `[num_rows, width]`, None where nothing is known of the whole type.

        Args:
            x: channels by name, `[num_rows, in_channels]`; a zero row means that nothing is known.
            cold: bool `[num_rows]`, rows that do without their residual; None if all are warm.
            hidden: by channel, bool `[num_rows]`, rows that do without it.
            nodes: which nodes the rows are, int64 `[num_rows]`; None: all of them, in order.
        """
        content = self.content(x, hidden)
        parts = [] if content is None else [content]
        for channel, name in self.names.items():
            if channel.startswith(HISTORY):
                value, _ = self.value(channel, x[channel], hidden)
                parts.append(value * self.gates[name][self.part])
        if self.residual is not None:
            own = self.residual if nodes is None else self.residual.index_select(0, nodes)
            parts.append(own if cold is None else own * ~cold[:, None])
        return sum(parts[1:], parts[0]) if parts else None

    def content(
        self, x: Mapping[str, Tensor], hidden: Mapping[str, Tensor] | None = None
    ) -> Tensor | None:
        """Return what nodes are, `[num_rows, width]`: neither histories nor a residual.

        None where the type has no such channel. Arguments are those of `forward`.
        """
        said = [
            (name, *self.value(channel, x[channel], hidden))
            for channel, name in self.names.items()
            if not channel.startswith(HISTORY)
        ]
        return self._fuse(said) if said else None

    def value(
        self, channel: str, rows: Tensor, hidden: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return what a channel says before any gate, and of which rows it is known.

        Args:
            channel: its name.
            rows: of the channel, `[num_rows, in_channels]`.
            hidden: as in `forward`.

        Returns:
            Float `[num_rows, width]`, 0 where nothing is known, and bool `[num_rows, 1]`.
        """
        known = (rows != 0).any(dim=1, keepdim=True)
        if hidden and channel in hidden:
            known = known & ~hidden[channel][:, None]
        return self.project[self.names[channel]](rows) * known, known

    def _fuse(self, content: list[tuple[str, Tensor, Tensor]]) -> Tensor:
        if self.fusion == "concat":
            return sum((value for _, value, _ in content[1:]), content[0][1])
        values = torch.stack([value for _, value, _ in content])
        known = torch.stack([known for _, _, known in content])
        weights = self._weights([name for name, _, _ in content], values, known)
        return (values * weights[:, :, self.part]).sum(0)

    def _weights(self, names: list[str], values: Tensor, known: Tensor) -> Tensor:
        """Return the weight of each channel, node and part, `[channels, num_nodes, parts]`."""
        logits = torch.stack([self.gates[name] for name in names])[:, None, :]
        if self.query is not None:
            likeness = values.float() * self.query
            sizes = torch.bincount(self.part)
            said = likeness.new_zeros(*values.shape[:2], len(sizes))
            logits = logits + said.index_add(2, self.part, likeness) / sizes.sqrt()
        logits = logits.masked_fill(~known, -1e9)
        strength = (logits - logits.amax(0, keepdim=True).detach()).exp() * known
        total = strength.sum(0, keepdim=True).clamp(min=1e-12)
        return strength / total * known.sum(0, keepdim=True)
