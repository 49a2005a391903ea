"""Scalars of a training for TensorBoard."""

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kg.errors import ConfigError
from training.watching.pace import MEASURES

FOLDER = "tensorboard"  # beside metrics.jsonl


def check_tensorboard() -> None:
    """Make sure that it is there, before anything that takes long.

    Raises:
        ConfigError: the extra is not installed.
    """
    if find_spec("tensorboard") is None:
        raise ConfigError(
            "training.tensorboard = true needs TensorBoard: pip install 'isthmus[watch]'"
        )


class Board:
    """Writes the lines of `metrics.jsonl` as scalars.

    Args:
        folder: where TensorBoard will look.
        known: lines of a training that goes on; written where the folder has none yet.
        done: steps that it goes on from: whatever a killed process wrote beyond is taken back.

    Raises:
        ConfigError: the extra is not installed.
    """

    def __init__(self, folder: Path, known: Iterable[Mapping[str, Any]], done: int) -> None:
        check_tensorboard()
        from torch.utils.tensorboard import SummaryWriter

        begun = folder.is_dir()
        self._writer: Any = SummaryWriter(str(folder), purge_step=done + 1 if begun else None)
        for line in () if begun else known:
            self.record(line)

    def record(self, line: Mapping[str, Any]) -> None:
        """Write a line."""
        step = line.get("step", 0)
        for name, value in line.items():
            if name == "loss" or name.startswith("loss_"):
                self._add(f"loss/{name.removeprefix('loss_')}", value, step)
            elif name in MEASURES:
                self._add(f"machine/{name}", value, step)
            elif name == "learning_rate":
                self._add(name, value, step)
        for name, value in line.get("valid", {}).items():
            self._add(f"valid/{name}", value, step)
        self._writer.flush()

    def _add(self, name: str, value: float, step: int) -> None:
        self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()
