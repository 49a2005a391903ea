"""One result of runs that differ in their seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kg.errors import InputError
from training.evaluation.compare_runs import paired
from training.evaluation.judged import FULL, SAMPLED, Judged
from training.evaluation.metrics import FloatArray
from training.evaluation.statistics import bootstrap_interval, holm

Metrics = dict[str, dict[str, float]]


def across_seeds(
    runs: Sequence[Judged], *, seed: int = 0, resamples: int = 1_000
) -> dict[str, Any]:
    """Put runs of one job with different seeds into one result.

    A user's metric is averaged over the seeds first and users are resampled then, so intervals and
    tests are those of the mean of the seeds over other users. How far seeds differ is the range.
    Where the seed draws the split too, a user counts as often as it was held out.

    Args:
        runs: one for each seed.
        seed: of the resampling.
        resamples: of the bootstrap and of the permutation test.

    Returns:
        `num_seeds`; `num_users`, held out in any run; `scorers`: name -> `num_seeds` and the groups
        `full` and `sampled`: metric -> `mean`, `low`, `high` (the interval), `least`, `most` (of
        the means of single seeds); `comparisons` and `sampled_comparisons`: floor -> metric ->
        `difference` (model minus floor), `low`, `high`, `p_value`, `p_holm` (over the floors).

    Raises:
        InputError: no run, or runs of different protocols, targets, parts or models.
    """
    if not runs:
        raise InputError("no runs to put together")
    first = runs[0]
    for run in runs:
        same = ("protocol", "sources", "target", "part", "model", "ks")
        if any(getattr(run, name) != getattr(first, name) for name in same):
            raise InputError(
                f"runs of {first.protocol} on {first.target!r} and of {run.protocol} on "
                f"{run.target!r} are not seeds of one job"
            )
    rng = np.random.default_rng(seed)
    names = list(dict.fromkeys(name for run in runs for name in run.scorers))
    floors = [name for name in names if name != first.model]
    result: dict[str, Any] = {
        "num_seeds": len(runs),
        "num_users": len(np.unique(np.concatenate([run.users for run in runs]))),
        "scorers": {
            name: {"num_seeds": sum(name in run.scorers for run in runs)}
            for name in [first.model, *floors]
        },
    }
    for group, key in ((FULL, "comparisons"), (SAMPLED, "sampled_comparisons")):
        averages = {
            name: {metric: _average(runs, name, group, metric) for metric in of_first}
            for name in names
            if (of_first := next(r for r in runs if name in r.scorers).scorers[name][group])
        }
        for name, metrics in averages.items():
            result["scorers"][name][group] = {
                metric: _summary(average, rng, resamples) for metric, average in metrics.items()
            }
        result[key] = _comparisons(averages, first.model, rng, resamples)
    return result


@dataclass(frozen=True, kw_only=True, eq=False)
class _Average:
    """A metric of users, averaged over seeds: `users`, `values` and `weights` `[num_users]`."""

    users: npt.NDArray[np.str_]
    values: FloatArray
    weights: FloatArray
    means: list[float]


def _average(runs: Sequence[Judged], scorer: str, group: str, metric: str) -> _Average:
    having = [run for run in runs if scorer in run.scorers]
    values = [run.scorers[scorer][group][metric] for run in having]
    weights = [run.weights(group) for run in having]
    users, number = np.unique(np.concatenate([run.users for run in having]), return_inverse=True)
    weight = np.concatenate(weights)
    total = np.bincount(number, weight).astype(np.float64)
    summed = np.bincount(number, weight * np.concatenate(values))
    means = [float(np.average(v, weights=w)) for v, w in zip(values, weights, strict=True)]
    return _Average(users=users, values=summed / total, weights=total, means=means)


def _summary(average: _Average, rng: np.random.Generator, resamples: int) -> dict[str, float]:
    found = bootstrap_interval(average.values, average.weights, rng=rng, resamples=resamples)
    return {
        "mean": found.mean,
        "low": found.low,
        "high": found.high,
        "least": min(average.means),
        "most": max(average.means),
    }


def _comparisons(
    averages: Mapping[str, Mapping[str, _Average]],
    model: str,
    rng: np.random.Generator,
    resamples: int,
) -> dict[str, dict[str, Metrics]]:
    """Return the model against each floor, on users that both were judged on."""
    floors = [name for name in averages if name != model]
    found: dict[str, Any] = {name: {} for name in floors}
    for metric, mine in averages.get(model, {}).items():
        tests = {}
        for name in floors:
            theirs = averages[name][metric]
            _, at, of = np.intersect1d(mine.users, theirs.users, return_indices=True)
            test = paired(
                mine.values[at], theirs.values[of], mine.weights[at], rng=rng, resamples=resamples
            )
            tests[name] = {key: test[key] for key in ("difference", "low", "high", "p_value")}
        p_holm = holm([test["p_value"] for test in tests.values()])
        for (name, test), p in zip(tests.items(), p_holm, strict=True):
            found[name][metric] = {**test, "p_holm": float(p)}
    return found
