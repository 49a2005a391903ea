"""Which baselines there are beside the floors, and the settings that each is tuned over."""

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

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
        cold_items: what it scores cold items by: their `text`, or their other `relations` where the
            graph has any; otherwise it borrows scores by `training.baselines.bridged.Bridged`.
        needs: package that is not among what everybody installs, but in the extra `baselines`.
    """

    kind: str
    fixed: Mapping[str, Any] = field(default_factory=dict)
    cold_items: Literal["", "text", "relations"] = ""
    needs: str = ""


BASELINES: Mapping[str, Baseline] = {
    "user-knn": Baseline(kind="tuned_floors.UserKNNPopularity"),
    "text-bridge": Baseline(kind="tuned_floors.BridgeText", cold_items="text"),
    "item-knn": Baseline(kind="item_knn.ItemKNN"),
    "ease": Baseline(kind="ease.EASE"),
    "als": Baseline(kind="implicit_factors.ALS", needs="implicit"),
    "bpr": Baseline(kind="implicit_factors.BPR", needs="implicit"),
    "cmf": Baseline(kind="cmf.CMF"),
    "lightgcn": Baseline(kind="lightgcn.LightGCN"),
    "lightgcn-target": Baseline(kind="lightgcn.LightGCN", fixed={"merged": False}),
    "emcdr": Baseline(kind="emcdr.EMCDR"),
    "ptupcdr": Baseline(kind="ptupcdr.PTUPCDR"),
    "bitgcf": Baseline(kind="bitgcf.BiTGCF"),
    "transe": Baseline(
        kind="knowledge.KnowledgeScores", fixed={"decoder": "transe"}, cold_items="relations"
    ),
    "distmult": Baseline(
        kind="knowledge.KnowledgeScores", fixed={"decoder": "distmult"}, cold_items="relations"
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


def check_installed(names: Sequence[str]) -> None:
    """Make sure that what baselines need is there, before they are needed.

    Args:
        names: in `BASELINES`.

    Raises:
        ConfigError: a package is missing; says how to get it.
    """
    for name in names:
        needs = BASELINES[name].needs
        if needs and importlib.util.find_spec(needs) is None:
            raise ConfigError(f"baseline {name!r} needs {needs}: pip install 'isthmus[baselines]'")


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
    own = entry.cold_items == "text" or (entry.cold_items == "relations" and _relates_items(task))
    return scorer if own or task.split.protocol != "item-cold" else Bridged(scorer, task)


def _relates_items(task: "Task") -> bool:
    graph = task.split.train
    return any(
        graph.item_type in (kind[0], kind[2]) and len(edges) > 0
        for kind, edges in graph.edges.items()
        if kind != graph.interactions
    )


def _class_of(name: str) -> Any:
    try:
        check_names((name,))
    except ValueError as error:
        raise ConfigError(str(error)) from None
    module, kind = BASELINES[name].kind.split(".")
    return getattr(importlib.import_module(f"training.baselines.{module}"), kind)
