"""The front door: the command line; parses, calls one function, prints."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from kg.errors import InputError, IsthmusError

if TYPE_CHECKING:  # commands import what they need, so that `isthmus --help` is quick
    from rich.console import Console

    from kg.importer import Imported
    from training.config import JobConfig
    from training.run_folder import RunFolder


class _FrontDoor(TyperGroup):
    """Shows an expected error as one line; an interruption says how to go on."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (IsthmusError, OSError) as error:
            if ctx.params.get("debug") or isinstance(error, BrokenPipeError):
                raise
            typer.echo(f"error: {' '.join(str(error).splitlines())}", err=True)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            resumable = ctx.invoked_subcommand in ("run", "train", "encode", "finetune", "tune")
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
RunOut = Annotated[Path | None, typer.Option("--out", help="Run folder; runs/<job name>.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting.")
]
Protocol = Annotated[
    str | None, typer.Option(help="Which model: user-cold, item-cold or warm; the first.")
]
Number = Annotated[int, typer.Option("-k", help="How many.", min=1)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Device = Annotated[str | None, typer.Option(help="A torch device such as cuda.")]
SkipUnknown = Annotated[
    bool, typer.Option("--skip-unknown", help="Go on where an id is not in the graph.")
]


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"isthmus {version('isthmus')}")
        raise typer.Exit


@app.callback()
def _front(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    del debug, version  # read by _FrontDoor and _version


@app.command()
def run(
    job: Job,
    out: RunOut = None,
    settings: Settings = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over.")] = False,
    targets: Annotated[
        list[str] | None,
        typer.Option("--target", help="Instead of the job's; of several, each has its own folder."),
    ] = None,
) -> None:
    """Do everything: import, encode, train, evaluate, report, recommend; resumes."""
    from queries.show import closing_show
    from training.jobs import run_job
    from training.run_folder import RunFolder
    from training.targets import for_target

    config, folder = _open_job(job, out, settings)
    runs = [(for_target(config, name), RunFolder(folder.path / name)) for name in targets or ()]
    for each, where in runs or [(config, folder)]:
        run_job(each, where, fresh=fresh)
        closing_show(where, _console())


@app.command("import")
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


@app.command()
def inspect(
    folder: Annotated[Path, typer.Argument(metavar="GRAPH_OR_RUN", help="Graph or run folder.")],
) -> None:
    """Show schema, counts by domain, overlap, degrees, text coverage, rejects."""
    from kg.store import load_imported
    from training.run_folder import RunFolder

    graph = RunFolder(folder).graph
    _describe(load_imported(graph if graph.is_dir() else folder))


@app.command()
def encode(
    graph: Annotated[Path, typer.Argument(metavar="GRAPH", help="Graph folder.")],
    out: Annotated[Path, typer.Option(help="Features folder to write.")] = Path("features"),
    model: Annotated[str, typer.Option(help="minilm, lsa, hashing, a name or a path.")] = "minilm",
) -> None:
    """Turn the texts of a graph into vectors."""
    from encoders.channels.features import encode_graph, save_features
    from encoders.load import encoder_of
    from encoders.settings import EncoderConfig
    from kg.store import load_graph

    encoder = encoder_of(EncoderConfig(model=model))
    save_features(encode_graph(load_graph(graph), encoder), out)
    typer.echo(f"Features: {out}")


@app.command()
def finetune(
    job: Job,
    out: Annotated[Path | None, typer.Option(help="Model folder; models/<job name>.")] = None,
    settings: Settings = None,
) -> None:
    """Tune a job's text encoder on what the job may learn from; resumes."""
    from training.config import load_job
    from training.jobs import finetune_step

    config = load_job(job, settings or ())
    typer.echo(f"Encoder: {finetune_step(config, out or Path('models') / config.name)}")


@app.command()
def tune(
    jobs: Annotated[list[Path], typer.Argument(metavar="JOB...", help="Job TOMLs.")],
    trials: Annotated[int, typer.Option(help="How many, those already made included.", min=1)],
    out: Annotated[Path, typer.Option(help="Folder of the study.")],
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Begin no training after that.")
    ] = None,
    protocols: Annotated[
        str | None, typer.Option(metavar="NAME,NAME", help="Instead of those of the jobs.")
    ] = None,
    space: Annotated[Path | None, typer.Option(help="TOML with a table [search].")] = None,
    settings: Settings = None,
) -> None:
    """Search for the settings that do best over all jobs, on valid alone; resumes."""
    from training.config import load_job
    from training.search import tune as search
    from training.search_show import print_study
    from training.search_space import load_space

    overrides = [*(settings or ())]
    if protocols is not None:
        overrides.append(f"task.protocols={protocols.split(',')}")
    print_study(
        search(
            [load_job(job, overrides) for job in jobs],
            load_space(space, overrides),
            out,
            trials=trials,
            timeout=timeout,
            say=lambda line: typer.echo(line, err=True),
        ),
        _console(),
    )


@app.command()
def cache(
    folder: Annotated[Path | None, typer.Option(help="Cache; the one that jobs use.")] = None,
    merge: Annotated[bool, typer.Option("--merge", help="Make few files of many.")] = False,
    older_than: Annotated[
        float | None, typer.Option(metavar="DAYS", help="Remove what was not used for so long.")
    ] = None,
    max_bytes: Annotated[
        int | None, typer.Option(help="Remove the longest unused, down to this size.")
    ] = None,
    encoder: Annotated[str | None, typer.Option(help="Remove by start of fingerprint.")] = None,
    everything: Annotated[bool, typer.Option("--everything", help="Remove all.")] = False,
) -> None:
    """Show what the cache of encodings holds, and make room in it."""
    from encoders.cache.folder import list_cache, prune
    from encoders.cache.merge import merge as merge_files
    from encoders.cache.show import cache_table
    from encoders.settings import EncoderConfig

    where = (folder or EncoderConfig().cache).expanduser()
    if merge:
        typer.echo(f"{merge_files(where)} files fewer")
    if everything or (older_than, max_bytes, encoder) != (None, None, None):
        removed = prune(
            where,
            older_than_days=older_than,
            max_bytes=max_bytes,
            fingerprint=encoder,
            everything=everything,
        )
        typer.echo(f"removed: {', '.join(e.fingerprint[:12] for e in removed) or 'nothing'}")
    _console().print(cache_table(list_cache(where)))


@app.command()
def train(job: Job, out: RunOut = None, settings: Settings = None) -> None:
    """Import, encode and train; resumes."""
    from training.jobs import encode_step, import_step, train_step

    config, folder = _open_job(job, out, settings)
    import_step(config, folder)
    encode_step(config, folder)
    for protocol in config.task.protocols:
        train_step(config, folder, protocol)
        typer.echo(f"Model: {folder.task(protocol).model}")


@app.command()
def evaluate(run: Run) -> None:
    """Measure the models of a run against their floors on what was held out."""
    from training.evaluation.results import results_table
    from training.jobs import evaluate_step, load_config
    from training.run_folder import RunFolder

    folder = RunFolder(run)
    config = load_config(folder)
    for protocol in config.task.protocols:
        _console().print(results_table(evaluate_step(config, folder, protocol)))


@app.command()
def compare(
    run: Run,
    other: Annotated[
        Path | None, typer.Argument(metavar="[OTHER_RUN]", help="Run on the same held-out rows.")
    ] = None,
    alone: Annotated[
        bool, typer.Option("--alone", help="Train it again on the target alone: who is hurt?")
    ] = False,
    protocol: Protocol = None,
) -> None:
    """Test one run against another, or against itself without its sources."""
    if (other is None) != alone:
        raise InputError("give either OTHER_RUN, or --alone")
    from training.comparing import compare_folders, target_alone
    from training.evaluation.compare_runs import comparison_table
    from training.evaluation.negative_transfer import negative_transfer_table
    from training.run_folder import RunFolder

    folder = RunFolder(run)
    for name in [protocol] if protocol else folder.protocols():
        if other is None:
            table = negative_transfer_table(name, target_alone(folder, name))
        else:
            tests = compare_folders(folder, RunFolder(other), name)
            table = comparison_table(name, (str(run), str(other)), tests)
        _console().print(table)


@app.command()
def report(run: Run) -> None:
    """Write the report of an evaluated run: one page with every figure and plot."""
    from training.jobs import report_step
    from training.run_folder import RunFolder

    typer.echo(f"Report: {report_step(RunFolder(run))}")


@app.command()
def triples(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="Mapping TOML, graph folder or RDF file.")
    ],
    out: Annotated[Path, typer.Option(help="JSON to write.")] = Path("link-prediction.json"),
    settings: Settings = None,
) -> None:
    """Hold out triples of a knowledge graph and measure how well they are predicted."""
    from kg.files import write_json
    from training.triples.config import triple_config
    from training.triples.facts import read_triples
    from training.triples.results import links_table, predict_links

    config = triple_config(settings or ())
    results = predict_links(read_triples(source), config)
    write_json(out, results)
    _console().print(links_table(results))
    typer.echo(f"Results: {out}")


@app.command()
def recommend(
    run: Run,
    domain: Annotated[str, typer.Option(help="Where items are taken from.")],
    user: Annotated[str | None, typer.Option(help="Id of a user.")] = None,
    users: Annotated[Path | None, typer.Option(help="File of users, with --out.")] = None,
    out: Annotated[Path | None, typer.Option(help=".parquet, .csv or .tsv to write.")] = None,
    k: Number = 10,
    include_seen: Annotated[bool, typer.Option("--include-seen")] = False,
    min_probability: Annotated[
        float | None, typer.Option(help="Leave out what is less likely.", min=0, max=1)
    ] = None,
    skip_unknown: SkipUnknown = False,
    protocol: Protocol = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Recommend items of a domain to one user, or to a file of users."""
    if (user is None) == (users is None) or (users is None) != (out is None):
        raise InputError("give either --user ID, or --users FILE and --out FILE")
    from queries.recommender import Recommender
    from queries.show import print_answers

    wanted: dict[str, Any] = {
        "domain": domain,
        "k": k,
        "exclude_seen": not include_seen,
        "min_probability": min_probability,
    }
    recommender = Recommender.open(run, protocol, device=device)
    if users is not None and out is not None:
        from queries.batch import recommend_file

        summary = recommend_file(recommender, users, out, skip_unknown=skip_unknown, **wanted)
        typer.echo(f"{summary.asked} users, {summary.skipped} unknown: {out}")
        return
    ids, scores = recommender.recommend(user or "", **wanted)
    print_answers(_console(), recommender, ids, scores, as_json=as_json)


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
    from queries.show import print_answers

    recommender = Recommender.open(run, protocol)
    ids, cosines = recommender.similar(node_id, node_type=node_type, domain=domain, k=k)
    print_answers(_console(), recommender, ids, cosines, node_type, as_json=as_json)


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
    from queries.show import print_paths

    recommender = Recommender.open(run, protocol)
    print_paths(_console(), recommender, user, item, k=k, as_json=as_json)


def _open_job(
    job: Path, out: Path | None, settings: list[str] | None
) -> tuple["JobConfig", "RunFolder"]:
    from training.config import load_job
    from training.run_folder import RunFolder

    config = load_job(job, settings or ())
    return config, RunFolder(out or Path("runs") / config.name)


def _describe(imported: "Imported") -> None:
    from kg.inspect import describe
    from kg.show import render

    _console().print(render(describe(imported.graph, imported.rejects, imported.accounts)))


def _console() -> "Console":
    from rich.console import Console

    # A file or a pipe has no width; do not fold what is read by a machine at 80 columns.
    return Console(width=None if sys.stdout.isatty() else 160)


def main() -> None:
    """Run the command line."""
    app()
