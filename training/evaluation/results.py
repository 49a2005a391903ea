"""Evaluations of a model and its floors to one `results.json`, and to a table."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.table import Table

from kg.errors import InputError
from training.evaluation.evaluate import Evaluation
from training.evaluation.shots import shots_text
from training.evaluation.slices import slice_masks
from training.evaluation.statistics import (
    FloatArray,
    bootstrap_means,
    holm,
    percentiles,
    sign_flip_p_values,
    weighted_means,
)

Results = dict[str, Any]
Metrics = dict[str, dict[str, float]]

LEVEL = 0.95


def compare(
    evaluations: Mapping[str, Evaluation], model: str, *, seed: int = 0, resamples: int = 1_000
) -> Results:
    """Put a model beside its floors: means, intervals, slices, paired tests.

    `results["scorers"][name]` holds `full`, `sampled` (metric -> mean, low, high), `coverage@k`,
    `diversity@k` and `slices`; `results["comparisons"][floor][metric]` the paired difference model
    minus floor with interval, `p_value` and `p_holm`, which is adjusted over the floors of one
    metric; `sampled_comparisons` the same for sampled metrics. Plain values only, ready for JSON.

    Args:
        evaluations: by scorer name, all of the same part of the same split.
        model: which of them is not a floor.
        seed: of the resampling, and recorded.
        resamples: of the bootstrap and of the permutation test.

    Raises:
        InputError: `model` is not there, or the evaluations are not of the same rows.
    """
    if model not in evaluations:
        raise InputError(f"no evaluation of {model!r} (evaluations: {', '.join(evaluations)})")
    first = evaluations[model]
    for name, evaluation in evaluations.items():
        _check_alike(first, evaluation, f"{name!r} and {model!r}")
    names = [model, *(name for name in evaluations if name != model)]
    rng = np.random.default_rng(seed)
    ones, rows = np.ones(len(first.users)), first.num_rows.astype(np.float64)
    full = {name: evaluations[name].full for name in names}
    sampled = {name: evaluations[name].sampled for name in names}
    full_means, comparisons = _judge(full, ones, rng, resamples)
    sampled_means, sampled_comparisons = _judge(sampled, rows, rng, resamples)
    slices = _slices({name: evaluations[name] for name in names}, rng, resamples)
    return {
        "protocol": first.protocol,
        "sources": list(first.sources),
        "target": first.target,
        "part": first.part,
        "num_users": len(first.users),
        "num_rows": int(first.num_rows.sum()),
        "num_candidates": first.num_candidates,
        "num_negatives": first.num_negatives,
        "k": list(first.ks),
        "seed": seed,
        "resamples": resamples,
        "level": LEVEL,
        "model": model,
        "scorers": {
            name: {
                "full": full_means[name],
                "sampled": sampled_means[name],
                **{f"coverage@{k}": value for k, value in evaluations[name].coverage.items()},
                **{
                    f"diversity@{k}": value
                    for k, value in evaluations[name].diversity.items()
                    if not math.isnan(value)
                },
                "slices": slices[name],
            }
            for name in names
        },
        "comparisons": comparisons,
        "sampled_comparisons": sampled_comparisons,
    }


def beats_every_floor(results: Results, metric: str, *, sampled: bool = False) -> bool:
    """Return whether the model is significantly better than each floor (Holm, 5 %)."""
    found = results["sampled_comparisons" if sampled else "comparisons"].values()
    return bool(found) and all(
        test[metric]["difference"] > 0 and test[metric]["p_holm"] < 0.05 for test in found
    )


def results_table(results: Results) -> Table:
    """Return the model beside its floors, in percent, with half-widths of the intervals.

    The best of each column is bold; a star says that the model is significantly better than every
    floor.
    """
    ks = results["k"]
    scorers: dict[str, Any] = results["scorers"]
    columns = [("full", f"NDCG@{ks[0]}"), ("full", f"Recall@{ks[-1]}")]
    if results["num_negatives"]:
        columns += [("sampled", metric) for metric in ("MRR", f"NDCG@{ks[0]}", f"HR@{ks[0]}")]
    sources = ", ".join(results["sources"])
    table = Table(
        title=f"{sources + ' → ' if sources else ''}{results['target']}, {results['protocol']}",
        caption=(
            f"{results['part']}: {results['num_users']:,} users, {results['num_rows']:,} rows, "
            f"{results['num_candidates']:,} candidates{shots_text(results)}; in %, ± half the "
            f"{results['level']:.0%} interval; * better than every floor"
        ),
    )
    table.add_column("")
    for group, metric in columns:
        heading = f"1+{results['num_negatives']}" if group == "sampled" else "full"
        table.add_column(f"{heading}\n{metric}", justify="right")
    table.add_column(f"full\ncoverage@{ks[0]}", justify="right")
    best = {
        column: max(scorer[column[0]][column[1]]["mean"] for scorer in scorers.values())
        for column in columns
    }
    for name, scorer in scorers.items():
        cells = []
        for group, metric in columns:
            value = scorer[group][metric]
            text = f"{100 * value['mean']:.2f} ± {50 * (value['high'] - value['low']):.2f}"
            text = f"[bold]{text}[/bold]" if value["mean"] == best[group, metric] else text
            starred = name == results["model"] and beats_every_floor(
                results, metric, sampled=group == "sampled"
            )
            cells.append(text + ("*" if starred else " "))
        table.add_row(name, *cells, f"{100 * scorer[f'coverage@{ks[0]}']:.1f}")
    return table


def _judge(
    values: Mapping[str, Mapping[str, FloatArray]],
    weights: FloatArray,
    rng: np.random.Generator,
    resamples: int,
) -> tuple[dict[str, Metrics], dict[str, Metrics]]:
    """Return means by scorer and paired comparisons by floor; the first scorer is the model."""
    names = list(values)
    metrics = list(values[names[0]])
    if not metrics:
        return {name: {} for name in names}, {name: {} for name in names[1:]}
    stacked = np.stack([[values[name][metric] for metric in metrics] for name in names])
    num_scorers, num_metrics, num_users = stacked.shape
    matrix = stacked.reshape(-1, num_users).T
    means = bootstrap_means(matrix, weights, rng=rng, resamples=resamples)
    by_scorer = _named(names, metrics, weighted_means(matrix, weights), *percentiles(means))
    if num_scorers == 1:
        return by_scorer, {}
    starts = range(num_metrics, num_scorers * num_metrics, num_metrics)
    floors = [slice(start, start + num_metrics) for start in starts]
    differences = np.concatenate([matrix[:, :num_metrics] - matrix[:, at] for at in floors], axis=1)
    resampled = np.concatenate([means[:, :num_metrics] - means[:, at] for at in floors], axis=1)
    p_values = sign_flip_p_values(differences, weights, rng=rng, resamples=resamples)
    table = p_values.reshape(-1, num_metrics)
    adjusted = np.stack([holm(column) for column in table.T], axis=1)
    comparisons = _named(
        names[1:], metrics, weighted_means(differences, weights), *percentiles(resampled)
    )
    for row, name in enumerate(names[1:]):
        for column, metric in enumerate(metrics):
            test = comparisons[name][metric]
            comparisons[name][metric] = {
                "difference": test["mean"],
                "low": test["low"],
                "high": test["high"],
                "p_value": float(table[row, column]),
                "p_holm": float(adjusted[row, column]),
            }
    return by_scorer, comparisons


def _slices(
    evaluations: Mapping[str, Evaluation], rng: np.random.Generator, resamples: int
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return full-ranking metrics of groups of users and of items, by scorer and group."""
    names, (first, *_) = list(evaluations), evaluations.values()
    found: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in names}
    groups = [
        (group, mask, [one.full for one in evaluations.values()])
        for group, mask in slice_masks(first).items()
    ]
    rows = {group: {"num_rows": int(first.num_rows[mask].sum())} for group, mask, _ in groups}
    for bucket, metrics in first.buckets.items():
        mask = ~np.isnan(next(iter(metrics.values())))
        groups.append((bucket, mask, [one.buckets[bucket] for one in evaluations.values()]))
    for group, mask, values in groups:
        matrix = np.stack([of[metric][mask] for of in values for metric in first.full], 1)
        weights = np.ones(len(matrix))
        means = bootstrap_means(matrix, weights, rng=rng, resamples=resamples)
        by_scorer = _named(
            names, list(first.full), weighted_means(matrix, weights), *percentiles(means)
        )
        for name in names:
            found[name][group] = {
                "num_users": int(mask.sum()),
                **rows.get(group, {}),
                **by_scorer[name],
            }
    return found


def _named(
    names: Sequence[str],
    metrics: Sequence[str],
    means: FloatArray,
    low: FloatArray,
    high: FloatArray,
) -> dict[str, Metrics]:
    """Return {name: {metric: {mean, low, high}}} of columns in the order names x metrics."""
    named: dict[str, Metrics] = {}
    for row, name in enumerate(names):
        at = row * len(metrics)
        named[name] = {
            metric: {
                "mean": float(means[at + column]),
                "low": float(low[at + column]),
                "high": float(high[at + column]),
            }
            for column, metric in enumerate(metrics)
        }
    return named


def _check_alike(one: Evaluation, other: Evaluation, who: str) -> None:
    same = (
        one.part == other.part
        and one.num_candidates == other.num_candidates
        and np.array_equal(one.users, other.users)
        and np.array_equal(one.num_rows, other.num_rows)
        and list(one.full) == list(other.full)
        and list(one.sampled) == list(other.sampled)
    )
    if not same:
        raise InputError(f"evaluations of {who} are not of the same held-out rows and cutoffs")
    if (one.num_negatives, one.negatives) != (other.num_negatives, other.negatives):
        raise InputError(
            f"evaluations of {who} drew different negatives; give evaluate the same rng"
        )
