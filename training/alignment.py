"""Which nodes are compared, so that two domains become alike, and how much that weighs."""

import torch
from torch import Tensor, nn

from gnn.alignment import PAIRED, Loss, alignment_loss, schedule
from gnn.model import Embeddings
from kg.errors import ConfigError, nearest
from training.config import TrainingConfig
from training.evaluation.split import Split

ALIGNED_NODES = 256  # of each domain and type, a step: MMD and Sinkhorn compare all pairs


class Alignment(nn.Module):
    """The sum of an alignment loss over node types.

    Users are compared as the sources show them with users as the target shows them: their
    first-hop messages. Of other types the embeddings of nodes in the sources alone are compared
    with those in the target alone; a node of both is the same in both.

    Args:
        split: train graph, sources and target.
        config: which loss, of what, and its schedule.
        width: of the embeddings.
        device: where to compute.

    Raises:
        ConfigError: `align` names an unknown node type, or one that has no nodes on either side.
    """

    def __init__(
        self, split: Split, config: TrainingConfig, width: int, device: torch.device
    ) -> None:
        super().__init__()
        self.kind, self.schedule, self.device = config.alignment, config.alignment_schedule, device
        user, relation, item = split.train.interactions
        self.source_relations = [(user, f"{relation}:{d}", item) for d in split.sources]
        self.target_relation = (user, f"{relation}:{split.target}", item)
        self.user_type = user
        self.sides = {
            name: _sides(split, name, device) for name in _node_types(split, config.align)
        }
        self.losses: dict[str, Loss] = {}
        self.modules_of = nn.ModuleDict()  # the losses that learn
        for name in self.sides:
            loss = alignment_loss(config.alignment, width)
            assert loss is not None
            self.losses[name] = loss
            if isinstance(loss, nn.Module):
                self.modules_of[f"of_{name}"] = loss

    def forward(self, embeddings: Embeddings, draws: torch.Generator) -> Tensor:
        """Return the loss over random rows, 0 where a side has fewer than two.

        Args:
            embeddings: of one pass.
            draws: source of all randomness.
        """
        total = torch.zeros((), device=self.device)
        for name, loss in self.losses.items():
            source, target, in_source, in_target = self._rows(embeddings, name)
            if self.kind in PAIRED:
                in_source = in_target = in_source & in_target
            rows = self._some(in_source, draws)
            others = rows if self.kind in PAIRED else self._some(in_target, draws)
            if min(len(rows), len(others)) > 1:
                total = total + loss(source[rows], target[others])
        return total

    def weight(self, progress: float) -> float:
        """Return what the loss is multiplied by, beside `alignment_weight`, from 0 to 1."""
        return schedule(self.schedule, progress)

    def _rows(self, embeddings: Embeddings, name: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return rows of either side, and which of them there are, bool `[num_nodes]`."""
        if name != self.user_type:
            z = embeddings.z[name].float()
            return (z, z, *self.sides[name])
        views = embeddings.domain_views
        source = torch.stack([views[r].float() for r in self.source_relations]).sum(0)
        target = views[self.target_relation].float()
        return source, target, source.detach().any(dim=1), target.detach().any(dim=1)

    def _some(self, mask: Tensor, draws: torch.Generator) -> Tensor:
        rows = torch.nonzero(mask).squeeze(1)
        if len(rows) <= ALIGNED_NODES:
            return rows
        picks = torch.randint(len(rows), (ALIGNED_NODES,), generator=draws, device=self.device)
        return rows[picks]


def _node_types(split: Split, names: tuple[str, ...]) -> list[str]:
    """Return node types; `user` and `item` stand for users and items whatever they are called."""
    train, found = split.train, []
    roles = {"user": train.user_type, "item": train.item_type}
    for name in names:
        node_type = name if name in train.nodes else roles.get(name)
        if node_type is None:
            known = sorted({*roles, *train.nodes})
            raise ConfigError(
                f"training.align names {name!r}{nearest(name, known)} "
                f"(node types: {', '.join(known)})"
            )
        found.append(node_type)
    return list(dict.fromkeys(found))


def _sides(split: Split, node_type: str, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return which nodes are in the sources alone, and which in the target alone."""
    train = split.train
    domains = torch.from_numpy(train.nodes[node_type].domains.copy()).to(device)
    columns = [train.domain_index(domain) for domain in split.sources]
    in_source, in_target = domains[:, columns].any(1), domains[:, train.domain_index(split.target)]
    sides = in_source & ~in_target, in_target & ~in_source
    if node_type != train.user_type and not all(bool(side.any()) for side in sides):
        raise ConfigError(
            f"training.align names {node_type!r}, which has no nodes of its own in "
            f"{', '.join(split.sources)} or in {split.target!r}: leave it out"
        )
    return sides
