"""Intervals and tests over users: users are what the data are a sample of, not single rows.

Every function takes values `[num_users, num_metrics]` and one weight per user, and returns the
weighted mean's interval or p-value per metric. Weights are 1 for means over users, and the number
of rows of each user for means over rows (a row is never resampled apart from its user).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_CELLS = 2**22  # resamples times users at once: about a hundred megabytes


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean and its bootstrap interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A paired difference of means, its bootstrap interval, and a two-sided p-value."""

    difference: float
    low: float
    high: float
    p_value: float


def weighted_means(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Return `sum of w v / sum of w` over users, `[num_metrics]`."""
    return np.asarray(weights @ values / weights.sum())


def bootstrap_means(
    values: FloatArray, weights: FloatArray, *, rng: np.random.Generator, resamples: int = 1_000
) -> FloatArray:
    """Return the weighted means of users drawn with replacement, `[resamples, num_metrics]`.

    All metrics share the draws, so columns may be subtracted from one another: that is the paired
    bootstrap.

    Args:
        values: `[num_users, num_metrics]`.
        weights: `[num_users]`, positive.
        rng: of the draws.
        resamples: how many.
    """
    num_users = len(values)
    size = max(1, _CELLS // num_users)
    means = []
    for start in range(0, resamples, size):
        rows = min(size, resamples - start)
        drawn = rng.integers(num_users, size=(rows, num_users))
        drawn += np.arange(rows)[:, None] * num_users
        times = np.bincount(drawn.ravel(), minlength=rows * num_users).reshape(rows, num_users)
        scaled = times * weights
        means.append(scaled @ values / scaled.sum(axis=1, keepdims=True))
    return np.concatenate(means)


def percentiles(means: FloatArray, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Return the lower and upper end of the percentile interval, each `[num_metrics]`."""
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail], axis=0)
    return low, high


def sign_flip_p_values(
    differences: FloatArray, weights: FloatArray, *, rng: np.random.Generator, resamples: int
) -> FloatArray:
    """Return two-sided p-values of the paired permutation test, `[num_metrics]`.

    Where two scorers are alike, the sign of each user's difference is a coin toss:
    `p = (1 + #(|mean of flipped differences| >= |mean|)) / (1 + resamples)`.

    Args:
        differences: model minus floor, `[num_users, num_metrics]`.
        weights: `[num_users]`.
        rng: of the signs.
        resamples: how many; p is never below `1 / (1 + resamples)`.
    """
    scaled = differences * (weights / weights.sum())[:, None]
    # tosses that give the same set of signs must count as equal whatever the order of the sum
    observed = np.abs(scaled.sum(axis=0)) - 1e-12 * np.abs(scaled).sum(axis=0)
    num_users = len(differences)
    size = max(1, _CELLS // num_users)
    as_far = np.zeros(differences.shape[1], dtype=np.int64)
    for start in range(0, resamples, size):
        shape = (min(size, resamples - start), num_users)
        signs = rng.integers(2, size=shape, dtype=np.int8).astype(np.float64) * 2 - 1
        as_far += (np.abs(signs @ scaled) >= observed).sum(axis=0)
    return np.asarray((1 + as_far) / (1 + resamples))


def holm(p_values: npt.ArrayLike) -> FloatArray:
    """Return p-values adjusted for their number (Holm, 1979), in the same order.

    The i-th smallest of m becomes `max over j <= i of min(1, (m - j + 1) p_j)`.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.minimum(1.0, p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(stepped)
    return adjusted


def bootstrap_interval(
    values: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    *,
    rng: np.random.Generator,
    resamples: int = 1_000,
    level: float = 0.95,
) -> Interval:
    """Return the mean of one metric with its percentile interval over users.

    Args:
        values: `[num_users]`.
        weights: `[num_users]`; 1 if not given.
        rng: of the draws.
        resamples: how many.
        level: share of the resampled means inside the interval.
    """
    column, weight = _column(values, weights)
    means = bootstrap_means(column, weight, rng=rng, resamples=resamples)
    low, high = percentiles(means, level)
    mean = weighted_means(column, weight)
    return Interval(mean=float(mean[0]), low=float(low[0]), high=float(high[0]))


def paired_test(
    model: npt.ArrayLike,
    floor: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    *,
    rng: np.random.Generator,
    resamples: int = 1_000,
    level: float = 0.95,
) -> Difference:
    """Compare two scorers on the same users: paired bootstrap interval, paired permutation test.

    Args:
        model: `[num_users]`.
        floor: `[num_users]`, of the same users.
        weights: `[num_users]`; 1 if not given.
        rng: of the draws.
        resamples: how many, of each.
        level: share of the resampled differences inside the interval.
    """
    column, weight = _column(
        np.asarray(model, dtype=np.float64) - np.asarray(floor, dtype=np.float64), weights
    )
    means = bootstrap_means(column, weight, rng=rng, resamples=resamples)
    low, high = percentiles(means, level)
    p_value = sign_flip_p_values(column, weight, rng=rng, resamples=resamples)
    return Difference(
        difference=float(weighted_means(column, weight)[0]),
        low=float(low[0]),
        high=float(high[0]),
        p_value=float(p_value[0]),
    )


def _column(values: npt.ArrayLike, weights: npt.ArrayLike | None) -> tuple[FloatArray, FloatArray]:
    column = np.asarray(values, dtype=np.float64)[:, None]
    weight = np.ones(len(column)) if weights is None else np.asarray(weights, dtype=np.float64)
    return column, weight
