"""A few steps from the weights of a model: new interactions, and old ones so that none is lost."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from kg.progress import progress
from training.checkpoint import copy_weights
from training.config import JobConfig
from training.evaluation.split import Split
from training.evaluation.valid import VALID_USERS, fewer_users, valid_score
from training.fit import to_bundle
from training.loop import MIN_STEPS
from training.objective import Objective, pick_any
from training.seed import generator
from training.step import check_finite, make_optimizer, rate_at, read_losses, train_step

REPLAYED = 0.5  # share of a batch: interactions that the model knows
SLOWLY = 0.1  # of the rates of training
LOST = 0.02  # share of valid NDCG@10 of the network that may be lost, or the steps are taken back
WARM_UP = 5  # steps


class Mixture:
    """Picks rows of a batch with a fixed share of interactions that are new.

    Args:
        new: which training interactions are, bool `[num_interactions]`.
        replayed: share of the others; all or nothing where a pool has one kind alone.
    """

    def __init__(self, new: Tensor, replayed: float = REPLAYED) -> None:
        self._new, self._replayed = new, replayed

    def __call__(self, pool: Tensor, count: int, draws: torch.Generator) -> Tensor:
        """Return so many entries of a pool, drawn with replacement."""
        is_new = self._new[pool]
        new, old = pool[is_new], pool[~is_new]
        if not len(new) or not len(old):
            return pick_any(pool, count, draws)
        replayed = round(count * self._replayed)
        return torch.cat([pick_any(new, count - replayed, draws), pick_any(old, replayed, draws)])


def fine_tune(
    objective: Objective, split: Split, job: JobConfig, new: Tensor, steps: int
) -> dict[str, Any]:
    """Take a few steps; the weights change in place, or not at all where valid is lost by them.

    Args:
        objective: of the larger graph, with the weights of the model.
        split: the same.
        job: settings; rates are a tenth of theirs.
        new: which training interactions are new, bool `[num_interactions]`.
        steps: how many.

    Returns:
        For JSON: `steps`, the share `replayed` of batches; before and after them, the `loss` on new
        interactions and NDCG@10 of the network on `valid`; and whether they were `taken_back`.

    Raises:
        InputError: a loss is not finite.
    """
    config = replace(
        job.training,
        learning_rate=SLOWLY * job.training.learning_rate,
        vector_learning_rate=SLOWLY * job.training.vector_learning_rate,
    )
    new = new.to(objective.device)
    optimizer = make_optimizer(objective, config)
    draws = generator(job.seed, "update", objective.device.type)
    looked_at = fewer_users(split, VALID_USERS, job.seed)
    batch = min(config.batch_size, -(-objective.num_interactions // MIN_STEPS))
    before, valid = copy_weights(objective.model), [_valid(objective, looked_at, job)]
    of_new, losses = [_loss(objective, new, batch, job.seed)], []
    objective.pick = Mixture(new)
    with progress("fine-tuning", steps) as bar:
        for step in range(steps):
            if step % objective.world_steps == 0:
                world = objective.simulate(draws)
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * rate_at(step, steps, warmup=WARM_UP)
            losses.append(train_step(objective, optimizer, world, batch, draws))
            bar.advance()
    for step, values in enumerate(read_losses(losses), start=1):
        check_finite(values, f"step {step} of the update", "the run is as it was")
    valid.append(_valid(objective, looked_at, job))
    of_new.append(_loss(objective, new, batch, job.seed))
    back = valid[1] < (1 - LOST) * valid[0]
    if back:
        objective.model.load_state_dict(before)
    return {
        "steps": steps,
        "replayed": REPLAYED,
        "loss_before": of_new[0],
        "loss_after": of_new[1],
        "valid_before": valid[0],
        "valid_after": valid[1],
        "taken_back": back,
    }


@torch.no_grad()
def _loss(objective: Objective, new: Tensor, batch: int, seed: int) -> float:
    """Return the loss on new interactions alone; one seed, one batch."""
    draws = generator(seed, "update, judged", objective.device.type)
    objective.pick = Mixture(new, replayed=0.0)
    return float(objective(objective.simulate(draws), batch, draws)["loss_interaction"])


def _valid(objective: Objective, split: Split, job: JobConfig) -> float:
    scorer = to_bundle(objective.embed(), objective.model).scorer(split.train)
    return valid_score(scorer, split, block_bytes=job.evaluation.block_bytes)
