"""What became of runs: a list of those below a folder, or some of them side by side."""

from pathlib import Path
from typing import Annotated, Any

import typer

from commands.options import AsJson, console


def runs(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FOLDER | RUN RUN...]", help="A folder of runs; runs/."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the runs of a folder, or compare some: settings that differ, and what came of them."""
    import json
    from itertools import combinations

    from training.runs import describe, find_runs
    from training.runs_show import differing, runs_table, side_by_side, wrongs

    several = [describe(run) for path in paths or [Path("runs")] for run in find_runs(path)]
    compared = len(paths or ()) > 1
    if as_json:
        listed: dict[str, Any] = {"runs": [about.to_json() for about in several]}
        if compared:
            listed["differing"] = differing(several)
        typer.echo(json.dumps(listed, indent=2, ensure_ascii=False))
        return
    for table in side_by_side(several) if compared else [runs_table(several)]:
        if table.row_count:
            console().print(table)
    for line in wrongs(several):
        typer.echo(f"wrong: {line}")
    if compared:
        for one, other in combinations(several, 2):
            typer.echo(f"Paired tests: isthmus compare {one.path} {other.path}")


COMMANDS = (runs,)
