"""Scores to probabilities, fitted on valid, so that a threshold has a known precision."""

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kg.errors import ArtefactError, InputError
from kg.files import read_json, write_json
from training.baselines.base import Scorer
from training.config import EvaluationConfig
from training.evaluation.calibration_curves import Curve, Isotonic, Platt, curve_of
from training.evaluation.metrics import FloatArray
from training.evaluation.score_sample import ScoreSample, sample_scores
from training.evaluation.split import Split

Method = Literal["isotonic", "platt", "auto"]
Scale = Literal["score", "rank"]

FILE = "calibration.json"
FOLDS = 3
# log loss on users left out that the rank must save: the score tells users apart, ranks do not
WORTH = 0.005
CURVES: dict[str, type[Isotonic] | type[Platt]] = {"isotonic": Isotonic, "platt": Platt}


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """How likely a user is to interact with an item, given the score of the pair.

    Probabilities never rise as scores fall, for any one user, and hold for users like those of the
    valid part and for items like its candidates, scored and ranked among themselves: of `item-cold`
    items without training interactions, of other protocols items with some.

    Attributes:
        curve: what makes a probability.
        scale: what it is a function of: the score itself, or minus the logarithm of its rank among
            the user's candidates, for scores that do not compare between users.
        base_rate: share of all pairs on valid that are held-out interactions.
        threshold: recommend what is at least as likely.
        losses: method and scale -> log loss for each held-out interaction on valid, over users that
            the curve was not fitted on; empty where there was no choice.
    """

    curve: Curve
    scale: Scale
    base_rate: float
    threshold: float
    losses: dict[str, float]

    @classmethod
    def fit(
        cls,
        scorer: Scorer,
        split: Split,
        *,
        rng: np.random.Generator,
        method: Method = "auto",
        threshold: float | None = None,
        block_bytes: int = 268_435_456,
    ) -> "Calibration":
        """Fit on the valid part.

        Positives are the held-out interactions, negatives all other candidates of those users,
        drawn and weighted so that the base rate is that of full ranking.

        Args:
            scorer: floor or model.
            split: what was held out.
            rng: of the draws.
            method: `auto` takes the method with the lowest log loss on users left out of its fit.
                The scale is chosen so in any case, but ranks must save half a per cent of it.
            threshold: None for the one with the best F1 on valid.
            block_bytes: bound on scores and their temporaries held at once.

        Raises:
            InputError: the valid part is empty, all of its candidates were held out, or a score is
                NaN.
        """
        sample = sample_scores(scorer, split, "valid", rng=rng, block_bytes=block_bytes)
        return fit_sample(sample, rng=rng, method=method, threshold=threshold)

    def probability(self, scores: FloatArray, ranks: FloatArray | None = None) -> FloatArray:
        """Return the probability of each score, in the same shape.

        Args:
            scores: of any pairs.
            ranks: of the scores among all that their user has not seen, 1 for the best, in the
                shape of `scores`; read only where `scale` is `rank`.

        Raises:
            InputError: ranks are needed and missing.
        """
        if self.scale == "score":
            return self.curve(np.asarray(scores, dtype=np.float64))
        if ranks is None:
            raise InputError("this calibration is by rank: give the ranks of the scores too")
        return self.curve(-np.log(np.asarray(ranks, dtype=np.float64)))

    def of_sample(self, sample: ScoreSample) -> FloatArray:
        """Return the probability of each pair, `[num_pairs]`."""
        return self.probability(sample.scores, sample.ranks)

    def save(self, folder: Path) -> None:
        """Write `calibration.json` into a folder."""
        values: dict[str, Any] = {
            "scale": self.scale,
            "threshold": self.threshold,
            "base_rate": self.base_rate,
            "losses": self.losses,
            "curve": self.curve.to_dict(),
        }
        write_json(folder / FILE, values)

    @classmethod
    def load(cls, folder: Path) -> "Calibration":
        """Read what `save` wrote.

        Raises:
            ArtefactError: missing or damaged.
        """
        values = read_json(folder / FILE)
        try:
            return cls(
                curve=curve_of(values["curve"]),
                scale=values["scale"],
                base_rate=values["base_rate"],
                threshold=values["threshold"],
                losses=values["losses"],
            )
        except (KeyError, TypeError) as error:
            raise ArtefactError(f"{folder / FILE} is damaged: {error}") from None


def calibrate(
    scorer: Scorer, split: Split, config: EvaluationConfig, rng: np.random.Generator
) -> Calibration | None:
    """Return the calibration that settings ask for, fitted on valid.

    None where they ask for none, and where valid has nothing to tell apart: every pair of its users
    and candidates was held out.

    Raises:
        InputError: the valid part is empty, or a score is NaN.
    """
    if config.calibration == "none":
        return None
    sample = sample_scores(scorer, split, "valid", rng=rng, block_bytes=config.block_bytes)
    if sample.positive.all():
        return None
    return fit_sample(sample, rng=rng, method=config.calibration, threshold=config.threshold)


def fit_sample(
    sample: ScoreSample,
    *,
    rng: np.random.Generator,
    method: Method = "auto",
    threshold: float | None = None,
) -> Calibration:
    """Fit on pairs already drawn; arguments as those of `Calibration.fit`.

    Raises:
        InputError: the sample lacks held-out interactions, or others.
    """
    if not 0 < sample.positive.sum() < len(sample.positive):
        raise InputError("calibration needs pairs that were held out and pairs that were not")
    methods = tuple(CURVES) if method == "auto" else (method,)
    scales: tuple[Scale, ...] = ("score", "rank")
    losses = _left_out_losses(sample, methods, scales, rng)
    best_method, best_scale = min(
        losses, key=lambda choice: losses[choice] * (1 if choice[1] == "score" else 1 + WORTH)
    )
    curve = CURVES[best_method].fit(_scaled(sample, best_scale), sample.positive, sample.weights)
    fitted = Calibration(
        curve=curve,
        scale=best_scale,
        base_rate=float(sample.weights[sample.positive].sum() / sample.weights.sum()),
        threshold=0.0 if threshold is None else threshold,
        losses={f"{name} {scale}": loss for (name, scale), loss in losses.items()},
    )
    if threshold is not None:
        return fitted
    return Calibration(
        **{**vars(fitted), "threshold": best_threshold(fitted.of_sample(sample), sample)}
    )


def best_threshold(probabilities: FloatArray, sample: ScoreSample) -> float:
    """Return the threshold with the best F1 over all pairs, `2 tp / (shown + relevant)`."""
    order = np.argsort(-probabilities, kind="stable")
    ordered, weights = probabilities[order], sample.weights[order]
    hits, shown = np.cumsum(weights * sample.positive[order]), np.cumsum(weights)
    f1 = 2 * hits / (shown + hits[-1])
    f1[:-1][ordered[:-1] == ordered[1:]] = 0.0  # equal ones are shown together
    return float(ordered[np.argmax(f1)])


def _left_out_losses(
    sample: ScoreSample,
    methods: tuple[str, ...],
    scales: tuple[Scale, ...],
    rng: np.random.Generator,
) -> dict[tuple[str, Scale], float]:
    """Return the log loss for each held-out interaction of every choice, by cross-fitting users."""
    folds = min(FOLDS, sample.num_users)
    fold = rng.permutation(sample.num_users)[sample.owner] % folds
    losses = {}
    for name, scale in product(methods, scales):
        x, total = _scaled(sample, scale), 0.0
        for number in range(folds):
            there = fold != number if folds > 1 else fold == number
            left = ~there if folds > 1 else there
            if not 0 < sample.positive[there].sum() < there.sum():
                continue
            curve = CURVES[name].fit(x[there], sample.positive[there], sample.weights[there])
            p = np.clip(curve(x[left]), 1e-12, 1 - 1e-12)
            logs = np.where(sample.positive[left], np.log(p), np.log1p(-p))
            total -= float(sample.weights[left] @ logs)
        losses[name, scale] = total / float(sample.weights[sample.positive].sum())
    return losses


def _scaled(sample: ScoreSample, scale: Scale) -> FloatArray:
    return sample.scores if scale == "score" else -np.log(sample.ranks)
