"""A baseline with the settings that do best on the valid part."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from kg.errors import ConfigError
from kg.progress import progress
from training.baselines.base import Scorer, Task
from training.baselines.catalogue import grid_of, make_baseline
from training.evaluation.valid import MONITOR, VALID_USERS, fewer_users, valid_score
from training.seed import rng

BUDGET = 8  # settings, for each baseline the same


@dataclass(frozen=True, kw_only=True, eq=False)
class Tuned:
    """A baseline and how it was chosen.

    Attributes:
        scorer: fitted with `settings`.
        settings: those with the best valid score.
        tried: every (settings, valid NDCG@10), in the order they were tried.
        seconds: of all of it.
    """

    scorer: Scorer
    settings: dict[str, Any]
    tried: list[tuple[dict[str, Any], float]]
    seconds: float


def tune_baseline(
    name: str,
    task: Task,
    *,
    seed: int = 0,
    budget: int = BUDGET,
    max_users: int = VALID_USERS,
    block_bytes: int = 268_435_456,
) -> Tuned:
    """Fit a baseline with each setting of its grid and keep the best on `split.valid`.

    Everything is learned from `split.train`, the scorer that is returned too. Of equal scores the
    first setting wins.

    Args:
        name: in `training.baselines.catalogue.BASELINES`.
        task: what may be learned from; its split's valid part decides.
        seed: of the baseline, and of the draws below.
        budget: settings tried at most; of a larger grid so many are drawn.
        max_users: of the valid part that are judged; of more so many are drawn.
        block_bytes: bound on scores and their temporaries held at once.

    Raises:
        ConfigError: the name is unknown, an extra is not installed, or the budget is 0.
    """
    if budget < 1:
        raise ConfigError(f"budget = {budget!r}: must be 1 or more")
    began = time.monotonic()
    valid = fewer_users(task.split, max_users, seed)
    grid = list(grid_of(name))
    if len(grid) > budget:
        drawn = rng(seed, "baseline settings").choice(len(grid), budget, replace=False)
        grid = [grid[place] for place in np.sort(drawn)]
    tried: list[tuple[dict[str, Any], float]] = []
    best: tuple[float, Scorer, dict[str, Any]] | None = None
    with progress(f"tuning {name}", len(grid)) as bar:
        for settings in grid:
            scorer = make_baseline(name, task, seed=seed, **settings)
            found = valid_score(scorer, valid, block_bytes=block_bytes)
            tried.append((settings, found))
            if best is None or found > best[0]:
                best = (found, scorer, settings)
            bar.advance(note=f"{MONITOR} {100 * best[0]:.2f}")
    assert best is not None
    return Tuned(scorer=best[1], settings=best[2], tried=tried, seconds=time.monotonic() - began)
