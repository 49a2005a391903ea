"""Progress bars on standard error, with speed and time left."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class Bar(Protocol):
    """What a long loop tells its watcher."""

    def advance(self, amount: float = 1, note: str = "") -> None:
        """Report `amount` more units done, and optionally a short note shown beside the bar."""


@contextmanager
def progress(description: str, total: float | None) -> Iterator[Bar]:
    """Show a bar while the block runs; silent where standard error is not a terminal."""
    console = stderr_console()
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal or not _is_first(),
        transient=True,
    ) as bars:
        task = bars.add_task(description, total=total, note="")

        class _Bar:
            def advance(self, amount: float = 1, note: str = "") -> None:
                bars.advance(task, amount)
                if note:
                    bars.update(task, note=note)

        yield _Bar()


def _is_first() -> bool:
    """Return whether this is the first, or only, process of those that torchrun has started."""
    return os.environ.get("RANK", "0") == "0"


def say(line: str) -> None:
    """Write a line to standard error: what was decided, and whoever watches should know."""
    stderr_console().print(line, markup=False, highlight=False, soft_wrap=True)


@cache
def stderr_console() -> Console:
    """Return the one console of standard error: what is shown by one makes room for the others."""
    return Console(stderr=True)
