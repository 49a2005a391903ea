"""From a number that grows with relevance to a probability: isotonic, and Platt's sigmoid."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kg.graph import BoolArray
from training.evaluation.metrics import FloatArray

# of the base rate: isotonic regression gives 0 where no positive was seen, which no later positive
# could be forgiven
LEAST = 1e-3


@dataclass(frozen=True, eq=False)
class Isotonic:
    """Straight lines between knots, level beyond them; never falls (Zadrozny and Elkan, 2002).

    Attributes:
        x: ascending, float64 `[num_knots]`.
        y: probabilities, not descending, float64 `[num_knots]`.
    """

    x: FloatArray
    y: FloatArray

    @classmethod
    def fit(cls, x: FloatArray, positive: BoolArray, weights: FloatArray) -> "Isotonic":
        """Fit probabilities of `positive` by weighted least squares; all are `[num_pairs]`."""
        from sklearn.isotonic import IsotonicRegression

        base = _base_rate(positive, weights)
        regression = IsotonicRegression(y_min=LEAST * base, y_max=1.0)
        regression.fit(x, positive, sample_weight=weights)
        return cls(
            np.asarray(regression.X_thresholds_, dtype=np.float64),
            np.asarray(regression.y_thresholds_, dtype=np.float64),
        )

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return probabilities, in the shape of `x`."""
        return np.asarray(np.interp(x, self.x, self.y), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"method": "isotonic", "x": self.x.tolist(), "y": self.y.tolist()}


@dataclass(frozen=True)
class Platt:
    """`1 / (1 + exp(-(slope x + intercept)))` (Platt, 1999)."""

    slope: float
    intercept: float

    @classmethod
    def fit(cls, x: FloatArray, positive: BoolArray, weights: FloatArray) -> "Platt":
        """Fit by weighted maximum likelihood, with Platt's targets; all are `[num_pairs]`."""
        from scipy.optimize import minimize

        mean = float(np.average(x, weights=weights))
        spread = float(np.sqrt(np.average((x - mean) ** 2, weights=weights))) or 1.0
        z = (x - mean) / spread
        of_positives, of_negatives = weights[positive].sum(), weights[~positive].sum()
        target = np.where(positive, (of_positives + 1) / (of_positives + 2), 1 / (of_negatives + 2))

        def loss(line: FloatArray) -> tuple[float, FloatArray]:
            logit = line[0] * z + line[1]
            value = weights @ (np.logaddexp(0, logit) - target * logit)
            error = weights * (_sigmoid(logit) - target)
            return value / of_positives, np.array([error @ z, error.sum()]) / of_positives

        base = _base_rate(positive, weights)
        start = np.array([1.0, np.log(base / (1 - base))])
        slope, intercept = minimize(loss, start, jac=True, method="L-BFGS-B").x
        return cls(float(slope / spread), float(intercept - slope * mean / spread))

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return probabilities, in the shape of `x`."""
        return _sigmoid(self.slope * np.asarray(x) + self.intercept)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"method": "platt", "slope": self.slope, "intercept": self.intercept}


Curve = Isotonic | Platt


def curve_of(values: Mapping[str, Any]) -> Curve:
    """Return the curve that `to_dict` described."""
    if values["method"] == "isotonic":
        return Isotonic(np.array(values["x"]), np.array(values["y"]))
    return Platt(values["slope"], values["intercept"])


def _base_rate(positive: BoolArray, weights: FloatArray) -> float:
    return float(weights[positive].sum() / weights.sum())


def _sigmoid(logit: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-np.logaddexp(0, -logit)), dtype=np.float64)
