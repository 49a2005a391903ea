"""How fast a training goes, what memory it has, and when it will be done."""

from dataclasses import dataclass
from typing import Any

import torch

from training.memory import held

NEWEST = 0.1  # weight of the newest steps in the mean time of one


@dataclass
class Pace:
    """Measures of the process that trains; no two runs agree on them.

    Args:
        device: where it computes.
        interactions: of a step, those of all workers.
        total: steps of the whole training, if it is not stopped early.
    """

    device: torch.device
    interactions: int
    total: int
    seconds_per_step: float | None = None

    def count(self, steps: int, seconds: float) -> None:
        """Note that some steps took so long."""
        if not steps:
            return
        newest, before = seconds / steps, self.seconds_per_step
        self.seconds_per_step = newest if before is None else before + NEWEST * (newest - before)

    def measures(self, seconds: float, done: int) -> dict[str, Any]:
        """Return what a line of `metrics.jsonl` says of the machine.

        Args:
            seconds: that the epoch has taken so far.
            done: steps since the start of training.

        Returns:
            `seconds`; `edges_per_second`, the training interactions of the latest steps;
            `memory_bytes` of the process, without pages of files; `gpu_bytes`, where there is one;
            `seconds_left` at most, without what judging takes.
        """
        found: dict[str, Any] = {"seconds": round(seconds, 2)}
        if self.seconds_per_step:
            found["edges_per_second"] = round(self.interactions / self.seconds_per_step)
            found["seconds_left"] = round((self.total - done) * self.seconds_per_step, 1)
        found["memory_bytes"] = held()
        if self.device.type == "cuda":
            found["gpu_bytes"] = torch.cuda.memory_allocated(self.device)
        return found


MEASURES = ("seconds", "edges_per_second", "seconds_left", "memory_bytes", "gpu_bytes")
