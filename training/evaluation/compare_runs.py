"""Two runs on the same held-out rows: paired tests, metric by metric."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.table import Table

from kg.errors import InputError
from training.evaluation.judged import SAMPLED, Judged
from training.evaluation.metrics import FloatArray
from training.evaluation.statistics import (
    bootstrap_means,
    holm,
    percentiles,
    sign_flip_p_values,
    weighted_means,
)

LEVEL = 0.95

Test = dict[str, Any]


def check_same_rows(one: Judged, other: Judged) -> None:
    """Make sure that two runs were judged on the same rows.

    Raises:
        InputError: they held out other interactions or ranked other candidates, or judged another
            part.
    """
    if (one.held_out, one.part) != (other.held_out, other.part):
        raise InputError(
            f"the runs cannot be compared: {one.part} of {one.protocol} on {one.target!r} "
            f"({len(one.users):,} users, {one.num_rows.sum():,} rows) and {other.part} of "
            f"{other.protocol} on {other.target!r} ({len(other.users):,} users, "
            f"{other.num_rows.sum():,} rows) are not the same held-out interactions and "
            "candidates; run both with the same seed and cold files"
        )


def compare_runs(
    one: Judged, other: Judged, *, seed: int = 0, resamples: int = 1_000
) -> dict[str, Test]:
    """Compare the models of two runs, user by user.

    Args:
        one: the run in question.
        other: what it is compared with.
        seed: of the resampling.
        resamples: of the paired bootstrap and of the permutation test.

    Returns:
        `"full NDCG@10"` and so on -> `one`, `other`, `difference` (one minus other), `low`, `high`,
        `p_value`, and `p_holm`, which is adjusted for the number of metrics. Sampled metrics are
        left out where the runs drew other negatives.

    Raises:
        InputError: the runs were not judged on the same rows, or share no metric.
    """
    check_same_rows(one, other)
    same_negatives = (one.num_negatives, one.negatives) == (other.num_negatives, other.negatives)
    shared = set(other.metrics())
    metrics = [
        (group, name)
        for group, name in one.metrics()
        if (group, name) in shared and (group != SAMPLED or same_negatives)
    ]
    if not metrics:
        raise InputError(f"the runs share no metric: cutoffs are {one.ks} and {other.ks}")
    rng = np.random.default_rng(seed)
    tests = [
        paired(
            one.scorers[one.model][group][name],
            other.scorers[other.model][group][name],
            one.weights(group),
            rng=rng,
            resamples=resamples,
        )
        for group, name in metrics
    ]
    labels = [f"{group} {name}" for group, name in metrics]
    return adjusted(dict(zip(labels, tests, strict=True)))


def paired(
    one: FloatArray,
    other: FloatArray,
    weights: FloatArray,
    *,
    rng: np.random.Generator,
    resamples: int,
) -> Test:
    """Return means, difference with interval, and p-value of one metric on the same users.

    Args:
        one: `[num_users]`.
        other: `[num_users]`.
        weights: `[num_users]`.
        rng: of the draws.
        resamples: of the paired bootstrap and of the permutation test.
    """
    values = np.stack([one, other, one - other], axis=1)
    means = weighted_means(values, weights)
    resampled = bootstrap_means(values[:, 2:], weights, rng=rng, resamples=resamples)
    low, high = percentiles(resampled, LEVEL)
    p_value = sign_flip_p_values(values[:, 2:], weights, rng=rng, resamples=resamples)
    return {
        "one": float(means[0]),
        "other": float(means[1]),
        "difference": float(means[2]),
        "low": float(low[0]),
        "high": float(high[0]),
        "p_value": float(p_value[0]),
    }


def adjusted(tests: Mapping[str, Test]) -> dict[str, Test]:
    """Return the tests with `p_holm`: p-values adjusted for their number (Holm, 1979)."""
    p_holm = holm([test["p_value"] for test in tests.values()])
    return {
        label: {**test, "p_holm": float(p)}
        for (label, test), p in zip(tests.items(), p_holm, strict=True)
    }


def comparison_table(
    title: str,
    names: Sequence[str],
    tests: Mapping[str, Test],
    further: Mapping[str, Sequence[str]] | None = None,
) -> Table:
    """Return the tests in percent; a star marks a significant difference (Holm, 5 %).

    Args:
        title: of the table.
        names: of the two that are compared.
        tests: by label, as `compare_runs` returns them.
        further: heading -> a cell for each test, of columns that come last.
    """
    further = further or {}
    table = Table(
        title=title, caption=f"in %, {LEVEL:.0%} paired bootstrap intervals over users; * p < 0.05"
    )
    table.add_column("")
    for heading in (*names, "difference", "interval", "p (Holm)", *further):
        table.add_column(heading, justify="right")
    for row, (label, test) in enumerate(tests.items()):
        star = "*" if test["p_holm"] < 0.05 else " "
        table.add_row(
            label,
            f"{100 * test['one']:.2f}",
            f"{100 * test['other']:.2f}",
            f"{100 * test['difference']:+.2f}{star}",
            f"{100 * test['low']:+.2f} to {100 * test['high']:+.2f}",
            f"{test['p_holm']:.3f}",
            *(cells[row] for cells in further.values()),
        )
    return table
