"""Where the source hurts: a model against itself trained on the target alone."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from rich.table import Table

from kg.errors import InputError
from kg.graph import BoolArray
from training.evaluation.compare_runs import (
    LEVEL,
    adjusted,
    check_same_rows,
    comparison_table,
    paired,
)
from training.evaluation.judged import FULL, Judged
from training.evaluation.slices import slice_masks

ALL = "all users"


def negative_transfer(
    model: Judged, alone: Judged, *, metric: str = "", seed: int = 0, resamples: int = 1_000
) -> dict[str, Any]:
    """Compare a model with itself trained without the sources, by group of users.

    Groups are those of `slice_masks` (histories are the model's: alone it sees none in the
    sources), and head, middle and tail items of the target.

    Args:
        model: the run with its sources.
        alone: the same job trained on the target alone, judged on the same rows.
        metric: of full ranking; by default NDCG with the first cutoff.
        seed: of the resampling.
        resamples: of the paired bootstrap and of the permutation test.

    Returns:
        `metric`, and `slices`: group -> `num_users`, `model`, `alone`, `difference`, `low`, `high`,
        `p_value`, `p_holm` (adjusted over the groups), and the shares of users that are better off
        with the sources (`helped`), worse off (`hurt`), or neither (`same`). Plain values.

    Raises:
        InputError: the runs were not judged on the same rows, or lack the metric.
    """
    check_same_rows(model, alone)
    metric = metric or f"NDCG@{model.ks[0]}"
    rng = np.random.default_rng(seed)
    tests, counts = {}, {}
    for name, group, mask in _groups(model):
        pair = []
        for judged in (model, alone):
            values = judged.scorers[judged.model].get(group, {})
            if metric not in values:
                raise InputError(f"a run has no {metric} of {name}: its cutoffs are {judged.ks}")
            pair.append(values[metric][mask])
        one, other = pair
        tests[name] = paired(one, other, np.ones(len(one)), rng=rng, resamples=resamples)
        counts[name] = {
            "num_users": len(one),
            "helped": float((one > other).mean()),
            "hurt": float((one < other).mean()),
            "same": float((one == other).mean()),
        }
    slices = {
        name: {**counts[name], "model": test.pop("one"), "alone": test.pop("other"), **test}
        for name, test in adjusted(tests).items()
    }
    return {"metric": metric, "level": LEVEL, "slices": slices}


def negative_transfer_table(title: str, found: dict[str, Any]) -> Table:
    """Return the groups with the shares of users that the sources help and hurt."""
    tests = {
        name: {"one": about["model"], "other": about["alone"], **about}
        for name, about in found["slices"].items()
    }
    slices = found["slices"].values()
    further = {
        "users": [f"{about['num_users']:,}" for about in slices],
        "helped": [f"{about['helped']:.0%}" for about in slices],
        "hurt": [f"{about['hurt']:.0%}" for about in slices],
    }
    names = ("with sources", "target alone")
    return comparison_table(f"{title}: {found['metric']}", names, tests, further)


def _groups(judged: Judged) -> Iterator[tuple[str, str, BoolArray]]:
    """Yield (name, group of metrics, mask over users) of every slice."""
    yield ALL, FULL, np.ones(len(judged.users), dtype=np.bool_)
    for name, mask in slice_masks(judged).items():
        yield name, FULL, mask
    for bucket, values in judged.scorers[judged.model].items():
        if bucket.endswith("items"):
            yield bucket, bucket, ~np.isnan(next(iter(values.values())))
