"""Tables of runs: all of a folder, or some side by side."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from training.runs import SHOWN, About, Progress
from training.watching.sight import duration


def runs_table(abouts: Sequence[About]) -> Table:
    """Return a row for each protocol of each run."""
    table = Table(caption="test part, full ranking, in %, and over the strongest of the others")
    table.add_column("run", overflow="fold")
    for heading in ("data", "state", "protocol", "valid"):
        table.add_column(heading)
    for metric in SHOWN:
        table.add_column(metric, justify="right")
    for heading in ("training", "when", "seed", "regime"):
        table.add_column(heading)
    for about in abouts:
        data = f"{', '.join(about.sources) or 'all'} → {about.target}" if about.target else ""
        when = about.when[:16].replace("T", " ")
        rows: Sequence[Progress | None] = about.protocols or [None]
        for index, each in enumerate(rows):
            first = (about.path, data, about.state) if index == 0 else ("", "", "")
            last = (when, "" if about.seed is None else str(about.seed)) if index == 0 else ("", "")
            regime = each.regime or "" if each else ""
            table.add_row(*first, *_cells(each), *last, regime)
    return table


def _cells(each: Progress | None) -> list[str]:
    if each is None:
        return [""] * (3 + len(SHOWN))
    done = each.protocol if each.done == "judged" else f"{each.protocol}: {each.done}"
    valid = "" if each.valid is None else f"{100 * each.valid:.2f} at {each.best_epoch}"
    metrics = [_metric(each, metric) for metric in SHOWN]
    return [done, valid, *metrics, duration(each.seconds) if each.seconds else ""]


def _metric(each: Progress, metric: str) -> str:
    if metric not in each.test:
        return ""
    ratio = f" ({each.ratios[metric]:.2f}x)" if metric in each.ratios else ""
    return f"{100 * each.test[metric]:.2f}{ratio}"


def wrongs(abouts: Sequence[About]) -> list[str]:
    """Return a line for everything that is wrong."""
    return [wrong for about in abouts for wrong in about.wrong]


def differing(abouts: Sequence[About]) -> dict[str, list[Any]]:
    """Return the settings that differ: key -> value of each run, None where it has none."""
    keys = dict.fromkeys(key for about in abouts for key in about.settings)
    values = {key: [about.settings.get(key) for about in abouts] for key in keys}
    return {key: some for key, some in values.items() if any(v != some[0] for v in some)}


def side_by_side(abouts: Sequence[About]) -> tuple[Table, Table]:
    """Return the settings that differ, and what came of them, with a column for each run."""
    settings, outcome = Table(title="settings that differ"), Table(title="what came of them, in %")
    for table in (settings, outcome):
        table.add_column("")
        for about in abouts:
            table.add_column(about.path, overflow="fold")
    for key, some in differing(abouts).items():
        settings.add_row(key, *("" if value is None else str(value) for value in some))
    outcome.add_row("state", *(about.state for about in abouts))
    names = dict.fromkeys(each.protocol for about in abouts for each in about.protocols)
    for protocol in names:
        found = [next((p for p in a.protocols if p.protocol == protocol), None) for a in abouts]
        cells = [_cells(each) for each in found]
        for row, label in enumerate(("", "valid", *SHOWN, "training")):
            outcome.add_row(f"{protocol} {label}".strip(), *(of[row] for of in cells))
    return settings, outcome
