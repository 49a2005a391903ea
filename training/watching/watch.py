"""Who looks at a training: a terminal or a log, and TensorBoard."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kg.progress import stderr_console
from training.config import TrainingConfig
from training.standing import Standing
from training.watching.live import Lines, Picture
from training.watching.pace import Pace
from training.watching.sight import Sight
from training.watching.tensorboard import FOLDER, Board


class Watch:
    """Passes on what the loop tells.

    Args:
        epochs: of the training, at most.
        view: what a person sees; None for nobody.
        folder: of TensorBoard; None without it.
    """

    def __init__(
        self, epochs: int = 0, view: Picture | Lines | None = None, folder: Path | None = None
    ) -> None:
        self._epochs, self._view, self._folder = epochs, view, folder
        self._board: Board | None = None

    def begin(self, at: Standing) -> None:
        """Take note of where a training begins, or goes on."""
        if self._folder is not None:
            self._board = Board(self._folder, at.records, at.done)

    def steps(self, at: Standing, losses: Sequence[Mapping[str, float]], pace: Pace) -> None:
        """Take note of the losses of some steps."""
        if self._view is None or not losses:
            return
        for each in losses:
            self._view.note(each["loss"])
        if self._view.is_due():
            measures = pace.measures(at.seconds, at.done)
            self._view.show(Sight(at=at, epochs=self._epochs, losses=losses[-1], measures=measures))

    def record(self, line: Mapping[str, Any]) -> None:
        """Take note of a line of `metrics.jsonl`."""
        if self._board is not None:
            self._board.record(line)

    def close(self) -> None:
        """Look no more."""
        if self._view is not None:
            self._view.close()
        if self._board is not None:
            self._board.close()


@contextmanager
def watching(config: TrainingConfig, title: str, regime: str, metrics: Path) -> Iterator[Watch]:
    """Show a training while the block runs.

    Args:
        config: how long it may take, and whether TensorBoard is told.
        title: what is trained.
        regime: how embeddings are made.
        metrics: file of the lines; TensorBoard's folder is beside it.

    Raises:
        ConfigError: TensorBoard is asked for, and not installed.
    """
    console = stderr_console()
    seen_in_place = console.is_terminal and not console.is_dumb_terminal
    view = Picture(console, title, regime) if seen_in_place else Lines(console, title)
    folder = metrics.with_name(FOLDER) if config.tensorboard else None
    watch = Watch(config.epochs, view, folder)
    try:
        yield watch
    finally:
        watch.close()
