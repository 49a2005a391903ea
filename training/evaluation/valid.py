"""The one number that decides on the valid part: which epoch, which settings, which baseline."""

from dataclasses import replace

import numpy as np

from training.baselines.base import Scorer
from training.evaluation.evaluate import Part, evaluate
from training.evaluation.split import HeldOut, Split
from training.seed import rng

MONITOR = "NDCG@10"
VALID_USERS = 2_000  # enough to tell epochs apart; all of them would cost more than an epoch


def valid_score(scorer: Scorer, split: Split, *, block_bytes: int = 268_435_456) -> float:
    """Return NDCG@10 over the users of `split.valid`, in full ranking; nothing in it is drawn.

    Args:
        scorer: floor, baseline or model.
        split: whose valid part is judged.
        block_bytes: bound on scores and their temporaries held at once.

    Raises:
        InputError: the valid part is empty, or a score is NaN.
    """
    nothing_drawn = rng(0, "valid")
    judged = evaluate(
        scorer,
        split,
        "valid",
        k=(10,),
        sampled_negatives=0,
        block_bytes=block_bytes,
        rng=nothing_drawn,
    )
    return judged.mean(MONITOR)


def fewer_users(split: Split, max_users: int, seed: int, part: Part = "valid") -> Split:
    """Return the split with at most so many users in its valid or test part, drawn at random."""
    held_out: HeldOut = getattr(split, part)
    users = np.unique(held_out.users)
    if len(users) <= max_users:
        return split
    kept = rng(seed, f"{part} users").choice(users, max_users, replace=False)
    rows = np.isin(held_out.users, kept)
    fewer = replace(held_out, users=held_out.users[rows], items=held_out.items[rows])
    return replace(split, valid=fewer) if part == "valid" else replace(split, test=fewer)
