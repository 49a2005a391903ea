"""Factors of the sources and of the target, learned apart: what a bridge of users stands on."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.baselines.base import Task
from training.baselines.factor_training import Fitting
from training.baselines.factors import Factors, Interactions
from training.baselines.lightgcn import fit_lightgcn
from training.baselines.matrices import source_mask


@dataclass(frozen=True, kw_only=True, eq=False)
class TwoDomains:
    """Two matrix factorisations over the same users.

    Attributes:
        source_interactions: of the items of the sources that are not in the target.
        target_interactions: of the items of the target.
        source: user vectors of the source factorisation, `[num_users, width]`.
        source_items: its item vectors, `[num_items, width]`.
        target: user vectors of the target factorisation, `[num_users, width]`.
        items: its item vectors, `[num_items, width]`.
        bias: its item biases, `[num_items]`.
        overlap: rows of the users with interactions in both, int64.
    """

    source_interactions: Interactions
    target_interactions: Interactions
    source: Tensor
    source_items: Tensor
    target: Tensor
    items: Tensor
    bias: Tensor
    overlap: Tensor

    def bridged(self, name: str, mapped: Tensor) -> Factors:
        """Return scores in the target, users of the source alone having a mapped vector.

        Args:
            name: of the scores.
            mapped: vectors of users as the source shows them, `[num_users, width]`.
        """
        here, there = self.target_interactions.known(), self.source_interactions.known()
        known = here | there if len(self.overlap) else here
        users = torch.where(here[:, None], self.target, mapped)
        return Factors.of(name, self.target_interactions, users, self.items, self.bias, known)


def factorise(task: Task, fitting: Fitting, *, seed: int, width: int) -> TwoDomains:
    """Factorise both domains, each on its own.

    Args:
        task: what may be learned from.
        fitting: how; every epoch is trained, since a source has no valid part.
        seed: of everything drawn.
        width: of the vectors.
    """
    masks = {
        "source": source_mask(task.split),
        "target": task.split.train.item_mask(task.split.target),
    }
    data = {name: Interactions.of(task, [mask]) for name, mask in masks.items()}
    found = {
        name: fit_lightgcn(
            interactions, fitting, seed=seed, width=width, layers=0, name=f"factors of the {name}"
        )
        for name, interactions in data.items()
    }
    both = data["source"].known() & data["target"].known()
    return TwoDomains(
        source_interactions=data["source"],
        target_interactions=data["target"],
        source=torch.from_numpy(found["source"].users),
        source_items=torch.from_numpy(found["source"].items),
        target=torch.from_numpy(found["target"].users),
        items=torch.from_numpy(found["target"].items),
        bias=torch.from_numpy(found["target"].bias),
        overlap=both.nonzero().flatten(),
    )


def dense(size: int, out: int, draws: torch.Generator) -> nn.Linear:
    """Return a linear layer whose weights (Glorot uniform, biases 0) come from `draws` alone."""
    made: nn.Linear = nn.utils.skip_init(nn.Linear, size, out)  # type: ignore[no-untyped-call]
    nn.init.xavier_uniform_(made.weight, generator=draws)
    nn.init.zeros_(made.bias)
    return made
