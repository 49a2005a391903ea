"""Commands about graphs: begin with files, make one, look at one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands import exchange
from commands.link import link
from commands.options import console, graph_folder
from kg.errors import InputError

if TYPE_CHECKING:
    from kg.importer import Imported
    from kg.rejects import RejectLimit


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
    out: Annotated[
        Path | None, typer.Option(help="Graph folder to write; that of --into, or `graph`.")
    ] = None,
    into: Annotated[
        Path | None, typer.Option(metavar="GRAPH", help="Graph folder that the files add to.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Read everything, show a sample, write nothing.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first rejected row.")
    ] = False,
    max_rejects: Annotated[
        str | None,
        typer.Option(
            metavar="N|P%", help="Stop at more rejected rows, in all, or as a share of a file."
        ),
    ] = None,
) -> None:
    """Read tables and RDF into a graph folder, or into a graph that is there already."""
    from contextlib import nullcontext

    from kg.files import check_folder, locked
    from kg.rejects import RejectLimit
    from kg.store import KIND

    if strict and max_rejects is not None:
        raise InputError("give either --strict or --max-rejects")
    limit = RejectLimit.none() if strict else None
    limit = limit if max_rejects is None else RejectLimit.parse(max_rejects)
    out = out or into or Path("graph")
    if not check:
        check_folder(out, KIND)  # before anything is read, which may take hours
    with nullcontext() if check else locked(out):
        _import(mapping, out, into, limit, check=check)


def _import(
    mapping: Path, out: Path, into: Path | None, limit: "RejectLimit | None", *, check: bool
) -> None:
    from encoders.names import encode_names
    from kg.importer import import_graph
    from kg.store import load_imported, save_graph
    from kg.update import brings_news

    before = None if into is None else load_imported(into)
    imported = import_graph(mapping, into=before, encode=encode_names, limit=limit, out=out)
    _describe(imported)
    if check:
        from kg.sample import render_sample

        console().print(render_sample(imported.graph))
        return
    if before is not None and out == into and not brings_news(before, imported):
        typer.echo(f"Nothing new: {into} stays as it is")
        return
    save_graph(imported, out)
    typer.echo(f"Graph: {out}")
    if before is not None and before.graph.fingerprint != imported.graph.fingerprint:
        typer.echo("Models of the graph as it was are refused with this one: train them anew")


def pseudonym(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID...", help="Else lines of standard input.")
    ] = None,
    node_type: Annotated[str, typer.Option("--type", help="What the ids are of.")] = "user",
    key_file: Annotated[Path | None, typer.Option(help="File with the key.")] = None,
    key_env: Annotated[str | None, typer.Option(help="Environment variable with the key.")] = None,
) -> None:
    """Print what ids are called in a graph whose mapping pseudonymises them."""
    import sys

    from kg.privacy.pseudonyms import Pseudonymise, pseudonyms

    try:
        wanted = Pseudonymise(
            types=(node_type,),
            key_file=None if key_file is None else str(key_file),
            key_env=key_env,
        )
    except ValueError:
        raise InputError("give either --key-file or --key-env") from None
    lines = ids or (line.rstrip("\r\n") for line in sys.stdin)
    for name in pseudonyms(lines, node_type, wanted.key(Path())):
        typer.echo(name)


def inspect(
    folder: Annotated[Path, typer.Argument(metavar="GRAPH_OR_RUN", help="Graph or run folder.")],
) -> None:
    """Show schema, counts by domain, overlap, degrees, text coverage, rejects."""
    from kg.store import load_imported

    _describe(load_imported(graph_folder(folder)))


def _describe(imported: "Imported") -> None:
    from kg.inspect import describe
    from kg.show import render, render_changes

    console().print(render(describe(imported.graph, imported.rejects, imported.accounts)))
    if imported.links.num_rows:
        from kg.linking.show import render as render_links

        console().print(render_links(imported.links))
    if imported.changes:
        console().print(render_changes(imported.changes))


COMMANDS = (init, import_, link, inspect, pseudonym, *exchange.COMMANDS)
