"""How far probabilities can be trusted, and what a threshold on them brings."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from training.baselines.base import Scorer
from training.evaluation.calibration import Calibration
from training.evaluation.metrics import FloatArray
from training.evaluation.score_sample import ScoreSample, sample_scores
from training.evaluation.split import Split
from training.evaluation.statistics import bootstrap_means, percentiles

THRESHOLDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
ECE_BINS = 15
PLOT_BINS = 10
MAX_USERS = 5_000
LEVEL = 0.95


def judge_calibration(
    calibration: Calibration,
    scorer: Scorer,
    split: Split,
    *,
    rng: np.random.Generator,
    resamples: int = 1_000,
    block_bytes: int = 268_435_456,
) -> dict[str, Any]:
    """Judge probabilities on the test part.

    Args:
        calibration: fitted on valid, with this scorer.
        scorer: floor or model.
        split: what was held out.
        rng: of the sample of pairs, and of the bootstrap over users.
        resamples: of the bootstrap.
        block_bytes: bound on scores and their temporaries held at once.

    Returns:
        What `judge_sample` does.
    """
    sample = sample_scores(
        scorer, split, "test", rng=rng, max_users=MAX_USERS, block_bytes=block_bytes
    )
    return judge_sample(calibration, sample, rng=rng, resamples=resamples)


def judge_sample(
    calibration: Calibration,
    sample: ScoreSample,
    *,
    rng: np.random.Generator,
    resamples: int = 1_000,
) -> dict[str, Any]:
    """Judge probabilities on pairs already drawn.

    Returns:
        Plain values. `method`, `scale`, `threshold`, `losses`, `num_users`; `base_rate` and
        `mean_probability` over all pairs; `ece`, the expected calibration error over 15 bins of
        equally many pairs (Nixon et al., 2019); `brier` and `brier_skill`, its improvement on the
        base rate, 1 at best and 0 for none; `bins` of equal expected hits: `predicted` and
        `observed` rate; `relative_error`, the hits by which bins miss what they expect, as a share
        of all that are expected; `thresholds`: what `at_thresholds` returns, of those that anything
        reaches.
    """
    p, weights = calibration.of_sample(sample), sample.weights
    total, positives = weights.sum(), weights[sample.positive].sum()
    base = positives / total
    brier = float(weights @ (p - sample.positive) ** 2 / total)
    bins = _bins(p, sample, weights * p, PLOT_BINS)
    thetas = sorted({*(theta for theta in THRESHOLDS if theta <= p.max()), calibration.threshold})
    return {
        "method": calibration.curve.to_dict()["method"],
        "scale": calibration.scale,
        "threshold": calibration.threshold,
        "losses": dict(calibration.losses),
        "num_users": sample.num_users,
        "base_rate": float(base),
        "mean_probability": float(weights @ p / total),
        "ece": sum(
            pairs * abs(predicted - observed)
            for predicted, observed, pairs in _bins(p, sample, weights, ECE_BINS)
        )
        / float(total),
        "brier": brier,
        "brier_skill": float(1 - brier / (base * (1 - base))) if 0 < base < 1 else 0.0,
        "relative_error": sum(
            pairs * abs(predicted - observed) for predicted, observed, pairs in bins
        )
        / float(weights @ p),
        "bins": [{"predicted": predicted, "observed": observed} for predicted, observed, _ in bins],
        "level": LEVEL,
        "thresholds": at_thresholds(p, sample, thetas, rng=rng, resamples=resamples),
    }


def at_thresholds(
    probabilities: FloatArray,
    sample: ScoreSample,
    thetas: Sequence[float],
    *,
    rng: np.random.Generator,
    resamples: int = 1_000,
) -> list[dict[str, Any]]:
    """Return what recommending everything from a threshold on brings, over all pairs.

    Args:
        probabilities: of each pair, `[num_pairs]`.
        sample: the pairs.
        thetas: thresholds.
        rng: of the draws of users.
        resamples: of the bootstrap.

    Returns:
        For each threshold `theta`, `per_user` (items recommended to a user in the mean), `users`
        (share of users who get any), `promised` (mean probability of what is recommended),
        `precision` and `recall` with `mean`, `low` and `high` (percentiles over users), `f1` and
        `accuracy`. Precision and promise are None where nothing is recommended.
    """
    num_users, found = sample.num_users, []
    relevant = np.bincount(sample.owner, sample.weights * sample.positive, num_users)
    columns = [relevant]
    for theta in thetas:
        shown = sample.weights * (probabilities >= theta)
        columns += [
            np.bincount(sample.owner, shown, num_users),
            np.bincount(sample.owner, shown * sample.positive, num_users),
        ]
    matrix = np.stack(columns, axis=1).astype(np.float64)
    resampled = bootstrap_means(matrix, np.ones(num_users), rng=rng, resamples=resamples)
    sums = matrix.sum(axis=0)
    for row, theta in enumerate(thetas):
        at = probabilities >= theta
        num_shown, hits = sums[1 + 2 * row], sums[2 + 2 * row]
        drawn_shown, drawn_hits = resampled[:, 1 + 2 * row], resampled[:, 2 + 2 * row]
        wrong = (num_shown - hits) + (sums[0] - hits)
        about: dict[str, Any] = {
            "theta": float(theta),
            "per_user": float(num_shown / num_users),
            "users": float((matrix[:, 1 + 2 * row] > 0).mean()),
            "promised": None,
            "precision": None,
            "recall": _ratio(hits / sums[0], drawn_hits / resampled[:, 0]),
            "f1": float(2 * hits / (num_shown + sums[0])),
            "accuracy": float(1 - wrong / sample.weights.sum()),
        }
        if num_shown:
            weights = sample.weights[at]
            about["promised"] = float(weights @ probabilities[at] / weights.sum())
            there = drawn_shown > 0
            about["precision"] = _ratio(hits / num_shown, drawn_hits[there] / drawn_shown[there])
        found.append(about)
    return found


def _ratio(mean: float, resampled: FloatArray) -> dict[str, float]:
    low, high = percentiles(resampled[:, None], LEVEL)
    return {"mean": float(mean), "low": float(low[0]), "high": float(high[0])}


def _bins(
    p: FloatArray, sample: ScoreSample, mass: FloatArray, count: int
) -> list[tuple[float, float, float]]:
    """Return (mean probability, observed rate, pairs) of bins of equal mass, by probability.

    Equal probabilities stay together, so that there may be fewer bins.
    """
    level = np.unique(p, return_inverse=True)[1]
    of_level = np.bincount(level, mass)
    below = np.cumsum(of_level) - of_level
    number = np.minimum((below / of_level.sum() * count + 1e-9).astype(np.int64), count - 1)[level]
    pairs = np.bincount(number, sample.weights, count)
    filled = pairs > 0
    predicted = np.bincount(number, sample.weights * p, count)[filled] / pairs[filled]
    hits = np.bincount(number, sample.weights * sample.positive, count)[filled]
    observed = hits / pairs[filled]
    return list(zip(predicted.tolist(), observed.tolist(), pairs[filled].tolist(), strict=True))
