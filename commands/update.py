"""The command that lets new nodes and interactions into a trained run."""

from pathlib import Path
from typing import Annotated

import typer

from commands.options import Run, console


def update(
    run: Run,
    edges: Annotated[
        list[Path] | None,
        typer.Option(help="Table of edges: src, dst, relation, weight, time."),
    ] = None,
    nodes: Annotated[
        list[Path] | None,
        typer.Option(help="Table of nodes: id, type, title, text, domain, attributes."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Run folder to write; the run itself by default.")
    ] = None,
    fine_tune: Annotated[
        int, typer.Option(metavar="STEPS", help="Train so many steps on what is new.", min=0)
    ] = 0,
    no_judge: Annotated[
        bool,
        typer.Option("--no-judge", help="Do not rank new interactions before they enter."),
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first rejected row.")
    ] = False,
) -> None:
    """Let new nodes and interactions into a trained run, and say how far it has drifted."""
    from kg.rejects import RejectLimit
    from training.updating.show import drift_table
    from training.updating.update import update_run

    done = update_run(
        run,
        nodes=nodes or (),
        edges=edges or (),
        out=out,
        fine_tune=fine_tune,
        judge=not no_judge,
        limit=RejectLimit.none() if strict else None,
    )
    rejects = done.rejects
    for row in rejects.slice(0, 5).to_pylist():
        typer.echo(f"rejected: {row['file']}, line {row['line']}: {row['reason']}", err=True)
    if len(rejects) > 5:
        typer.echo(f"rejected: {len(rejects) - 5:,} rows more", err=True)
    if done.report is None:
        typer.echo(f"Nothing new: {run} stays as it is")
        return
    console().print(drift_table(done.report))
    if done.dropped:
        typer.echo(f"Of the model before, gone or put aside: {', '.join(done.dropped)}")
    typer.echo(f"Run: {done.run}")


COMMANDS = (update,)
