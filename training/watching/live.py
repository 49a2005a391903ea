"""A training on a terminal, in place; and in a log, a line from time to time."""

import time

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from training.watching.sight import Curve, Sight

SHARE = 0.005  # of the time, at most, that goes into drawing
LEAST = 0.5  # seconds between two pictures
LOG_EVERY = 60.0  # seconds between two lines of a log


class Picture:
    """A view that is drawn again in place, seldom enough to cost at most `SHARE` of the time.

    Args:
        console: a terminal.
        title: of the training.
        regime: how embeddings are made; may be empty.
    """

    def __init__(self, console: Console, title: str, regime: str) -> None:
        self._title, self._regime, self._curve = title, regime, Curve()
        self._bars = not console.options.ascii_only
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._next = 0.0
        self._live.start()

    def note(self, loss: float) -> None:
        """Keep the loss of a step."""
        self._curve.add(loss)

    def is_due(self) -> bool:
        """Return whether `show` is worth its cost."""
        return time.monotonic() >= self._next

    def show(self, sight: Sight) -> None:
        """Draw."""
        began = time.monotonic()
        self._live.update(self.drawn(sight), refresh=True)
        ended = time.monotonic()
        self._next = ended + max(LEAST, (ended - began) / SHARE)

    def drawn(self, sight: Sight) -> RenderableType:
        """Return the view."""
        rows = Table.grid(padding=(0, 2))
        loss = Text(sight.loss(), "bold")
        if self._bars:
            loss.append(f"  {self._curve.sparkline()}", "cyan")
        loss.append(f"  {sight.parts()}", "dim")
        for name, value in (
            ("loss", loss),
            ("valid", Text(sight.valid())),
            ("speed", Text(sight.speed())),
            ("memory", Text(sight.memory())),
            ("time", Text(sight.left())),
            ("regime", Text(self._regime)),
        ):
            if value.plain:
                rows.add_row(Text(name, "dim"), value)
        total = sight.epochs * sight.at.steps
        head = Table.grid(padding=(0, 2))
        head.add_row(
            Text(self._title, "bold"),
            ProgressBar(total=total, completed=sight.at.done, width=24),
            Text(sight.position()),
        )
        return Group(head, rows)

    def close(self) -> None:
        """Take the view away."""
        self._live.stop()


class Lines:
    """A line each minute, for logs: a training of seconds leaves none.

    Args:
        console: where lines go.
        title: of the training.
    """

    def __init__(self, console: Console, title: str) -> None:
        self._console, self._title = console, title
        self._next = time.monotonic() + LOG_EVERY

    def note(self, loss: float) -> None:
        """Keep nothing."""

    def is_due(self) -> bool:
        """Return whether a minute is over."""
        return time.monotonic() >= self._next

    def show(self, sight: Sight) -> None:
        """Write the line."""
        self._next = time.monotonic() + LOG_EVERY
        said = (
            sight.position(),
            f"loss {sight.loss()}",
            f"valid {sight.valid()}",
            sight.speed(),
            sight.memory(),
            sight.left(),
        )
        line = f"{self._title}: {'; '.join(part for part in said if part)}"
        self._console.print(line, soft_wrap=True, markup=False, highlight=False)

    def close(self) -> None:
        """Leave the lines."""
