"""Which baselines there are beside the floors, and the settings that each is tuned over."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kg.errors import ConfigError, nearest
from training.baselines.grids import Grid

if TYPE_CHECKING:  # the job's settings read the names, and everything below reads the settings
    from training.baselines.base import Scorer, Task


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """One entry of the table.

    Attributes:
        kind: module below `training.baselines` and class, made as `Class(task, seed=, **settings)`;
            its `GRID` has the settings that it is tuned over.
        fixed: settings that make it what it is.
        answers_cold: it has scores of its own for cold items; others borrow them by
            `training.baselines.bridged.Bridged`.
    """

    kind: str
    fixed: Mapping[str, Any] = field(default_factory=dict)
    answers_cold: bool = False


BASELINES: Mapping[str, Baseline] = {
    "user-knn": Baseline(kind="tuned_floors.UserKNNPopularity"),
    "text-bridge": Baseline(kind="tuned_floors.BridgeText", answers_cold=True),
    "item-knn": Baseline(kind="item_knn.ItemKNN"),
    "ease": Baseline(kind="ease.EASE"),
    "als": Baseline(kind="implicit_factors.ALS"),
    "bpr": Baseline(kind="implicit_factors.BPR"),
    "cmf": Baseline(kind="cmf.CMF"),
    "lightgcn": Baseline(kind="lightgcn.LightGCN"),
    "lightgcn-target": Baseline(kind="lightgcn.LightGCN", fixed={"merged": False}),
    "emcdr": Baseline(kind="emcdr.EMCDR"),
    "ptupcdr": Baseline(kind="ptupcdr.PTUPCDR"),
    "bitgcf": Baseline(kind="bitgcf.BiTGCF"),
    "transe": Baseline(
        kind="knowledge.KnowledgeScores", fixed={"decoder": "transe"}, answers_cold=True
    ),
    "distmult": Baseline(
        kind="knowledge.KnowledgeScores", fixed={"decoder": "distmult"}, answers_cold=True
    ),
}


def check_names(names: tuple[str, ...]) -> None:
    """Make sure that every name is in the table.

    Raises:
        ValueError: one is not; names the nearest.
    """
    for name in names:
        if name not in BASELINES:
            known = ", ".join(BASELINES)
            raise ValueError(
                f"unknown baseline {name!r}{nearest(name, BASELINES)} (known: {known})"
            )


def grid_of(name: str) -> Grid:
    """Return the settings that a baseline is tuned over."""
    grid: Grid = _class_of(name).GRID
    return grid


def make_baseline(name: str, task: "Task", *, seed: int = 0, **settings: Any) -> "Scorer":
    """Return a fitted baseline that has an answer in the task's protocol.

    Args:
        name: in `BASELINES`.
        task: what it may learn from.
        seed: of its draws.
        settings: of its class; those left out have the defaults of the class.

    Raises:
        ConfigError: the name is unknown, or an extra is not installed.
    """
    from training.baselines.bridged import Bridged

    made = _class_of(name)
    entry = BASELINES[name]
    scorer: Scorer = made(task, seed=seed, **entry.fixed, **settings)
    if task.split.protocol == "item-cold" and not entry.answers_cold:
        return Bridged(scorer, task)
    return scorer


def _class_of(name: str) -> Any:
    try:
        check_names((name,))
    except ValueError as error:
        raise ConfigError(str(error)) from None
    module, kind = BASELINES[name].kind.split(".")
    return getattr(importlib.import_module(f"training.baselines.{module}"), kind)
