"""Commands about graphs: begin with files, make one, look at one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.options import console

if TYPE_CHECKING:
    from kg.importer import Imported


def init(
    files: Annotated[list[Path], typer.Argument(metavar="FILES...", help="Tables and RDF.")],
    out: Annotated[
        Path, typer.Option(help="Folder to write mapping.toml and job.toml into.")
    ] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite the two.")] = False,
) -> None:
    """Look at files and write a first mapping and job for them, to be edited."""
    from kg.start.look import JOB, MAPPING, start
    from kg.start.show import render

    found = start(files, out, force=force)
    console().print(render(found.plan))
    typer.echo(f"Mapping: {out / MAPPING}\nJob: {out / JOB}")
    if not found.plan.missing:
        typer.echo(f"Next: isthmus import {out / MAPPING} --check")


def import_(
    mapping: Annotated[Path, typer.Argument(metavar="MAPPING", help="TOML that maps files.")],
    out: Annotated[Path, typer.Option(help="Graph folder to write.")] = Path("graph"),
    check: Annotated[bool, typer.Option("--check", help="Read everything, write nothing.")] = False,
) -> None:
    """Read tables and RDF into a graph folder."""
    from kg.importer import import_graph

    imported = import_graph(mapping)
    _describe(imported)
    if not check:
        from kg.store import save_graph

        save_graph(imported, out)
        typer.echo(f"Graph: {out}")


def inspect(
    folder: Annotated[Path, typer.Argument(metavar="GRAPH_OR_RUN", help="Graph or run folder.")],
) -> None:
    """Show schema, counts by domain, overlap, degrees, text coverage, rejects."""
    from kg.store import load_imported
    from training.run_folder import RunFolder

    graph = RunFolder(folder).graph
    _describe(load_imported(graph if graph.is_dir() else folder))


def _describe(imported: "Imported") -> None:
    from kg.inspect import describe
    from kg.show import render

    console().print(render(describe(imported.graph, imported.rejects, imported.accounts)))


COMMANDS = (init, import_, inspect)
