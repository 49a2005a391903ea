"""Commands that do what a job says, all of it or a step, and that weigh runs against each other."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from commands.cluster import Engine, NumWorkers, RayAddress, WorkerCpus, cluster_of, working
from commands.options import Job, Protocol, Run, RunOut, Settings, TensorBoard, console, open_job
from kg.errors import InputError

if TYPE_CHECKING:
    from training.evaluation.split import Protocol as ProtocolName


def run(
    job: Job,
    out: RunOut = None,
    settings: Settings = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over.")] = False,
    targets: Annotated[
        list[str] | None,
        typer.Option("--target", help="Instead of the job's; of several, each has its own folder."),
    ] = None,
    tensorboard: TensorBoard = False,
    engine: Engine = "local",
    ray_address: RayAddress = None,
    workers: NumWorkers = None,
    worker_cpus: WorkerCpus = None,
) -> None:
    """Do everything: import, encode, train, evaluate, report, recommend; resumes."""
    from queries.show import closing_show
    from training.jobs import assist_job, run_job
    from training.run_folder import RunFolder
    from training.targets import for_target

    config, folder = open_job(job, out, settings, tensorboard)
    runs = [(for_target(config, name), RunFolder(folder.path / name)) for name in targets or ()]
    with working(config, cluster_of(engine, ray_address, workers, worker_cpus)) as (group, cluster):
        for each, where in runs or [(config, folder)]:
            if group.is_first:
                run_job(each, where, fresh=fresh, workers=group, cluster=cluster)
                closing_show(where, console())
            else:
                assist_job(each, where, group)


def train(
    job: Job,
    out: RunOut = None,
    settings: Settings = None,
    tensorboard: TensorBoard = False,
    engine: Engine = "local",
    ray_address: RayAddress = None,
    workers: NumWorkers = None,
    worker_cpus: WorkerCpus = None,
) -> None:
    """Import, encode and train; resumes."""
    from training.jobs import assist_job, train_job

    config, folder = open_job(job, out, settings, tensorboard)
    with working(config, cluster_of(engine, ray_address, workers, worker_cpus)) as (group, cluster):
        if not group.is_first:
            assist_job(config, folder, group)
            return
        train_job(config, folder, workers=group, cluster=cluster)
    for protocol in config.task.protocols:
        typer.echo(f"Model: {folder.task(protocol).model}")


def evaluate(run: Run) -> None:
    """Measure the models of a run against their floors on what was held out."""
    from training.evaluation.results import results_table
    from training.jobs import evaluate_step, load_config
    from training.run_folder import RunFolder

    folder = RunFolder(run)
    config = load_config(folder)
    for protocol in config.task.protocols:
        console().print(results_table(evaluate_step(config, folder, protocol)))


def report(run: Run) -> None:
    """Write the report of an evaluated run: one page with every figure and plot."""
    from training.jobs import report_step
    from training.run_folder import RunFolder

    typer.echo(f"Report: {report_step(RunFolder(run))}")


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
    for each in [protocol] if protocol else folder.protocols():
        name = cast("ProtocolName", each)  # an unknown one has no model, and is refused as such
        if other is None:
            table = negative_transfer_table(name, target_alone(folder, name))
        else:
            tests = compare_folders(folder, RunFolder(other), name)
            table = comparison_table(name, (str(run), str(other)), tests)
        console().print(table)


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
        console(),
    )


def triples(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="Mapping TOML, graph folder or RDF file.")
    ],
    out: Annotated[Path, typer.Option(help="JSON to write.")] = Path("link-prediction.json"),
    model: Annotated[
        Path | None, typer.Option(help="Folder to keep the model in, for `isthmus predict`.")
    ] = None,
    settings: Settings = None,
) -> None:
    """Hold out triples of a knowledge graph and measure how well they are predicted."""
    from kg.files import write_json
    from training.triples.config import triple_config
    from training.triples.facts import read_triples
    from training.triples.results import links_table, predict_links

    config = triple_config(settings or ())
    results = predict_links(read_triples(source), config, keep=model)
    write_json(out, results)
    console().print(links_table(results))
    typer.echo(f"Results: {out}")
    if model is not None:
        typer.echo(f"Model: {model}")


COMMANDS = (run, train, evaluate, report, compare, tune, triples)
