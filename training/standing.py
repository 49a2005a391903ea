"""Where a training stands: what its checkpoint says beside tensors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from training.evaluation.valid import MONITOR


@dataclass(kw_only=True)
class Standing:
    """Epochs and steps that are done, and what they brought.

    Attributes:
        steps: of an epoch.
        epoch: how many are finished.
        step: how many are taken of the one that runs.
        best: the best valid score so far.
        best_epoch: whose it is; 0 is the start.
        seconds: spent on the epoch that runs.
        sums: of each loss over the steps of the epoch that runs.
        recent: the same, since the last record.
        records: lines of `metrics.jsonl`; those with a valid score are of whole epochs.
    """

    steps: int
    epoch: int = 0
    step: int = 0
    best: float = 0.0
    best_epoch: int = 0
    seconds: float = 0.0
    sums: dict[str, float] = field(default_factory=dict)
    recent: dict[str, float] = field(default_factory=dict)
    records: list[dict[str, Any]] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Steps since the start of training."""
        return self.epoch * self.steps + self.step

    @property
    def history(self) -> list[dict[str, Any]]:
        """Records of whole epochs."""
        return [record for record in self.records if "valid" in record]

    def add(self, losses: Mapping[str, float]) -> None:
        """Count the losses of one more step."""
        for sums in (self.sums, self.recent):
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + value

    def record(self, steps: int, rate: float, machine: Mapping[str, Any]) -> None:
        """Note the mean losses of the last steps of a long epoch.

        Args:
            steps: since the last record.
            rate: of learning, where its peak is the setting's.
            machine: what differs from one run to the next.
        """
        means = {name: value / steps for name, value in self.recent.items()}
        line = {"epoch": self.epoch + 1, "step": self.done, **means, "learning_rate": rate}
        self.records.append({**line, **machine})
        self.recent = {}

    def end_epoch(self, score: float, rate: float, machine: Mapping[str, Any]) -> bool:
        """Close the epoch that runs; return whether it is the best so far."""
        means = {name: value / self.steps for name, value in self.sums.items()}
        step, self.epoch, self.step = self.done, self.epoch + 1, 0
        line = {"epoch": self.epoch, "step": step, **means, "learning_rate": rate}
        self.records.append({**line, "valid": {MONITOR: score}, **machine})
        self.sums, self.recent, self.seconds = {}, {}, 0.0
        better = score > self.best
        if better:
            self.best, self.best_epoch = score, self.epoch
        return better
