"""What can be seen of a training at one moment, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from training.evaluation.valid import MONITOR
from training.standing import Standing

BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, kw_only=True)
class Sight:
    """A training at one moment.

    Attributes:
        at: where it stands.
        epochs: at most.
        losses: of the latest step.
        measures: of `Pace`.
    """

    at: Standing
    epochs: int
    losses: Mapping[str, float]
    measures: Mapping[str, Any]

    def position(self) -> str:
        """Return epoch and step."""
        at = self.at
        return f"epoch {at.epoch + 1} of {self.epochs}, step {at.step:,} of {at.steps:,}"

    def loss(self) -> str:
        """Return the loss."""
        return f"{self.losses['loss']:.3f}"

    def parts(self) -> str:
        """Return the parts of the loss."""
        parts = {n.removeprefix("loss_"): v for n, v in self.losses.items() if n[:5] == "loss_"}
        return ", ".join(f"{name} {value:.3f}" for name, value in parts.items())

    def valid(self) -> str:
        """Return the latest score on valid, and the best if that is another."""
        at = self.at
        latest = at.history[-1]["valid"][MONITOR] if at.history else at.best
        if latest == at.best:
            return f"{MONITOR} {latest:.4f}, the best"
        return f"{MONITOR} {latest:.4f}, best {at.best:.4f} in epoch {at.best_epoch}"

    def speed(self) -> str:
        """Return interactions a second."""
        speed = self.measures.get("edges_per_second")
        return "" if speed is None else f"{speed:,} edges a second"

    def memory(self) -> str:
        """Return the memory of the process, and of the GPU where there is one."""
        gpu = self.measures.get("gpu_bytes")
        said = f"{self.measures['memory_bytes'] / 1e9:.2f} GB"
        return said if gpu is None else f"{said}, GPU {gpu / 1e9:.2f} GB"

    def left(self) -> str:
        """Return the time left."""
        left = self.measures.get("seconds_left")
        return "" if left is None else f"{duration(left)} left at most"


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"


class Curve:
    """A series of any length, kept as at most `points` means of equally many values each."""

    def __init__(self, points: int = 32) -> None:
        self._points, self._of_each = points, 1
        self._means: list[float] = []
        self._rest: list[float] = []

    def add(self, value: float) -> None:
        """Note one more value."""
        self._rest.append(value)
        if len(self._rest) < self._of_each:
            return
        self._means.append(sum(self._rest) / len(self._rest))
        self._rest = []
        if len(self._means) > self._points:
            pairs = zip(self._means[::2], self._means[1::2], strict=False)
            last = self._means[-1] if len(self._means) % 2 else None
            self._means = [(one + other) / 2 for one, other in pairs]
            if last is not None:
                self._rest = [last] * self._of_each
            self._of_each *= 2

    def sparkline(self) -> str:
        """Return the means as bars between their least and their greatest."""
        if len(self._means) < 2:
            return ""
        low, high = min(self._means), max(self._means)
        scale = (len(BARS) - 1) / max(high - low, 1e-12)
        return "".join(BARS[round((mean - low) * scale)] for mean in self._means)
