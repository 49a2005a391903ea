"""The front door: the command line; parses, calls one function, prints."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from kg.errors import InputError, IsthmusError

if TYPE_CHECKING:  # commands import what they need, so that `isthmus --help` is quick
    from rich.console import Console


class _FrontDoor(TyperGroup):
    """Shows an expected error as one line; an interruption says how to go on."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except (IsthmusError, OSError) as error:
            if ctx.params.get("debug"):
                raise
            typer.echo(f"error: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            resumable = ctx.invoked_subcommand in ("run", "train", "encode")
            hint = "; the same command, without --fresh, goes on from here" if resumable else ""
            typer.echo(f"interrupted{hint}", err=True)
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=_FrontDoor,
    help="Recommendations across domains: import a knowledge graph, train on it, ask it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Run = Annotated[Path, typer.Argument(metavar="RUN", help="Run folder.")]
Job = Annotated[Path, typer.Argument(metavar="JOB", help="Job TOML.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting.")
]
Protocol = Annotated[
    str | None, typer.Option(help="Which model: user-cold, item-cold or warm; the first.")
]
Number = Annotated[int, typer.Option("-k", help="How many.", min=1)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Device = Annotated[str | None, typer.Option(help="A torch device such as cuda.")]
SkipUnknown = Annotated[bool, typer.Option(help="Go on where an id is not in the graph.")]


@app.callback()
def _front(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    del debug  # read by _FrontDoor


@app.command("import")
def import_(
    mapping: Annotated[Path, typer.Argument(metavar="MAPPING", help="TOML that maps files.")],
    out: Annotated[Path, typer.Option(help="Graph folder to write.")] = Path("graph"),
    check: Annotated[bool, typer.Option("--check", help="Read everything, write nothing.")] = False,
) -> None:
    """Read tables and RDF into a graph folder."""
    from kg.importer import import_graph
    from kg.store import save_graph

    imported = import_graph(mapping)
    _describe(imported.graph)
    if not check:
        save_graph(imported, out)
        typer.echo(f"Graph: {out}")


@app.command()
def inspect(
    folder: Annotated[Path, typer.Argument(metavar="GRAPH_OR_RUN", help="Graph or run folder.")],
) -> None:
    """Show schema, counts by domain, overlap, degrees, text coverage, rejects."""
    from kg.store import load_graph
    from training.run_folder import RunFolder

    graph = RunFolder(folder).graph
    _describe(load_graph(graph if graph.is_dir() else folder))


@app.command()
def run(
    job: Job,
    out: Annotated[Path | None, typer.Option(help="Run folder; runs/<name of the job>.")] = None,
    settings: Settings = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over.")] = False,
) -> None:
    """Do everything: import, encode, train, evaluate, report, recommend; resumes."""
    from queries.show import closing_show
    from training.config import load_job
    from training.jobs import run_job
    from training.run_folder import RunFolder

    config = load_job(job, settings or ())
    folder = RunFolder(out or Path("runs") / config.name)
    run_job(config, folder, fresh=fresh)
    closing_show(folder, _console())


@app.command()
def recommend(
    run: Run,
    domain: Annotated[str, typer.Option(help="Where items are taken from.")],
    user: Annotated[str | None, typer.Option(help="Id of a user.")] = None,
    users: Annotated[Path | None, typer.Option(help="File of users, with --out.")] = None,
    out: Annotated[Path | None, typer.Option(help=".parquet, .csv or .tsv to write.")] = None,
    k: Number = 10,
    include_seen: Annotated[bool, typer.Option("--include-seen")] = False,
    skip_unknown: SkipUnknown = False,
    protocol: Protocol = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Recommend items of a domain to one user, or to a file of users."""
    if (user is None) == (users is None) or (users is None) != (out is None):
        raise InputError("give either --user ID, or --users FILE and --out FILE")
    from queries.recommender import Recommender

    recommender = Recommender.open(run, protocol, device=device)
    if users is not None and out is not None:
        from queries.batch import recommend_file

        summary = recommend_file(
            recommender,
            users,
            out,
            domain=domain,
            k=k,
            exclude_seen=not include_seen,
            skip_unknown=skip_unknown,
        )
        typer.echo(f"{summary.asked} users, {summary.skipped} unknown: {out}")
        return
    ids, scores = recommender.recommend(
        user or "", domain=domain, k=k, exclude_seen=not include_seen
    )
    _answer(recommender, ids, scores, as_json)


@app.command()
def predict(
    run: Run,
    pairs: Annotated[Path, typer.Option(help="Table with columns user and item.")],
    out: Annotated[Path, typer.Option(help=".parquet, .csv or .tsv to write.")],
    skip_unknown: SkipUnknown = False,
    protocol: Protocol = None,
) -> None:
    """Add a score to each pair of a table."""
    from queries.batch import predict_file
    from queries.recommender import Recommender

    summary = predict_file(Recommender.open(run, protocol), pairs, out, skip_unknown=skip_unknown)
    typer.echo(f"{summary.asked} pairs, {summary.skipped} unknown: {out}")


@app.command()
def similar(
    run: Run,
    node_id: Annotated[str, typer.Option("--id", help="Id of a node.")],
    node_type: Annotated[str | None, typer.Option("--type", help="Its type; items.")] = None,
    domain: Annotated[str | None, typer.Option(help="Only of this domain.")] = None,
    k: Number = 10,
    protocol: Protocol = None,
    as_json: AsJson = False,
) -> None:
    """Show the nearest nodes, across domains."""
    from queries.recommender import Recommender

    recommender = Recommender.open(run, protocol)
    ids, cosines = recommender.similar(node_id, node_type=node_type, domain=domain, k=k)
    _answer(recommender, ids, cosines, as_json, node_type)


@app.command()
def explain(
    run: Run,
    user: Annotated[str, typer.Option(help="Id of a user.")],
    item: Annotated[str, typer.Option(help="Id of an item.")],
    k: Number = 5,
    protocol: Protocol = None,
    as_json: AsJson = False,
) -> None:
    """Show the best paths from a user to an item."""
    from queries.recommender import Recommender
    from queries.show import path_rows, why

    recommender = Recommender.open(run, protocol)
    paths = recommender.explain(user, item, limit=k)
    rows = path_rows(paths, recommender.graph.item_type)
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows[:k]:
        typer.echo(f"{row['share']:5.0%}  {row['path']}")
    if not rows:
        typer.echo(why(recommender, user, item))


def _answer(
    recommender: Any, ids: Any, scores: Any, as_json: bool, node_type: str | None = None
) -> None:
    from queries.show import answer_rows, answer_table

    rows = answer_rows(recommender, ids.tolist(), scores.tolist(), node_type)
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
    else:
        _console().print(answer_table(rows))


def _console() -> "Console":
    from rich.console import Console

    # A file or a pipe has no width; do not fold what is read by a machine at 80 columns.
    return Console(width=None if sys.stdout.isatty() else 160)


def main() -> None:
    """Run the command line."""
    app()
