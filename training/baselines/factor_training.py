"""What the neural baselines share: settings, a loop over mini-batches, a ranking loss."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kg.progress import progress
from training.baselines.base import Scorer, Task
from training.evaluation.valid import fewer_users, valid_score
from training.losses import LOSSES
from training.negatives import Negatives, draw
from training.seed import generator

MAX_VALID_USERS = 1000

Loss = Callable[[Tensor, torch.Generator], Tensor]


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """How a neural baseline is trained.

    Attributes:
        epochs: passes over the examples.
        batch_size: examples in a step.
        learning_rate: of AdamW; it falls to zero in a straight line.
        decay: decoupled weight decay of vectors and matrices; biases have none.
        loss: `softmax` (sampled, with logQ correction) or `bpr`.
        negatives: shared by the examples of a step, drawn uniformly.
        patience: epochs without a better NDCG@10 of `split.valid` before training stops, the best
            epoch being kept; 0 trains all epochs and never looks at `split.valid`. Not used in
            `item-cold`, where no candidate has a score before the text bridge gives it one.
    """

    epochs: int
    batch_size: int = 8192
    learning_rate: float = 0.01
    decay: float = 0.0
    loss: str = "softmax"
    negatives: int = 256
    patience: int = 0

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}, got {self.loss!r}")
        for name in ("batch_size", "negatives"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")
        for name in ("epochs", "decay", "patience"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if self.learning_rate <= 0:
            raise ValueError(f"learning_rate must be positive, got {self.learning_rate}")


def train(
    model: nn.Module,
    num_rows: int,
    loss: Loss,
    fitting: Fitting,
    *,
    seed: int,
    purpose: str,
    quality: Callable[[], float] | None = None,
) -> None:
    """Minimise a loss over mini-batches, in place.

    Args:
        model: its parameters move.
        num_rows: number of examples.
        loss: rows of examples and a generator to the loss of the batch.
        fitting: for how long and how fast.
        seed: of order and negatives.
        purpose: names the stream of the seed, and the progress bar.
        quality: called after each epoch where `fitting.patience` asks for it; higher is better.
    """
    if not num_rows:
        return
    groups = [
        {"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": fitting.decay},
        {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=fitting.learning_rate, fused=True)
    draws = generator(seed, purpose)
    steps = fitting.epochs * -(-num_rows // fitting.batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / max(steps, 1))
    best, best_epoch, best_state = -np.inf, 0, deepcopy(model.state_dict())
    watched = quality if fitting.patience else None
    with progress(purpose, steps) as bar:
        for epoch in range(fitting.epochs):
            order = torch.randperm(num_rows, generator=draws)
            for rows in order.split(fitting.batch_size):  # type: ignore[no-untyped-call]
                optimiser.zero_grad()
                loss(rows, draws).backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                schedule.step()
                bar.advance()
            if watched is None:
                continue
            found = watched()
            if found > best:
                best, best_epoch, best_state = found, epoch, deepcopy(model.state_dict())
            if epoch - best_epoch >= fitting.patience:
                break
    if watched is not None:
        model.load_state_dict(best_state)


def valid_quality(
    task: Task, seed: int, scorer: Callable[[], Scorer]
) -> Callable[[], float] | None:
    """Return what measures NDCG@10 of at most `MAX_VALID_USERS` users of `split.valid`.

    Args:
        task: whose split is measured on; None comes back for `item-cold`.
        seed: of the draw of users.
        scorer: makes the scorer as it is now.
    """
    if task.split.protocol == "item-cold":
        return None
    few = fewer_users(task.split, MAX_VALID_USERS, seed)

    def measure() -> float:
        with torch.no_grad():
            return valid_score(scorer(), few)

    return measure


def draw_uniform(pool: Tensor, n: int, draws: torch.Generator) -> Negatives:
    """Draw `n` rows of a pool, each as likely as any other."""
    return draw(pool, torch.ones(int(pool.max()) + 1), 0.0, n, draws)


def ranking_loss(
    heads: Tensor,
    items: Tensor,
    bias: Tensor,
    positive: Tensor,
    pool: Tensor,
    fitting: Fitting,
    draws: torch.Generator,
) -> Tensor:
    """Return the loss of each row against negatives that all rows share, `[batch]`."""
    drawn = draw_uniform(pool, fitting.negatives, draws)
    right = (heads * F.embedding(positive, items)).sum(dim=1) + bias[positive]
    wrong = torch.addmm(bias[drawn.items], heads, F.embedding(drawn.items, items).T)
    hits = drawn.items == positive[:, None]
    return LOSSES[fitting.loss](right, wrong, drawn.log_expected, hits)
