"""What commands share: arguments and options, the job they open, the console they print on."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from training.config import JobConfig
    from training.run_folder import RunFolder

Run = Annotated[Path, typer.Argument(metavar="RUN", help="Run folder.")]
Job = Annotated[Path, typer.Argument(metavar="JOB", help="Job TOML.")]
RunOut = Annotated[Path | None, typer.Option("--out", help="Run folder; runs/<job name>.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting.")
]
TensorBoard = Annotated[
    bool, typer.Option("--tensorboard", help="Write curves for TensorBoard (the extra `watch`).")
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


def open_job(
    job: Path, out: Path | None, settings: list[str] | None, tensorboard: bool = False
) -> tuple["JobConfig", "RunFolder"]:
    """Read a job and say where its run lies: `out`, else `runs/<job name>`."""
    from training.config import load_job
    from training.run_folder import RunFolder

    asked = ["training.tensorboard=true"] if tensorboard else []
    config = load_job(job, [*(settings or ()), *asked])
    return config, RunFolder(out or Path("runs") / config.name)


def graph_folder(folder: Path) -> Path:
    """Return the graph folder that a graph or run folder is, or has."""
    from training.run_folder import RunFolder

    graph = RunFolder(folder).graph
    return graph if graph.is_dir() else folder


def console() -> "Console":
    """Return the console of standard output."""
    from rich.console import Console

    # A file or a pipe has no width; do not fold what is read by a machine at 80 columns.
    return Console(width=None if sys.stdout.isatty() else 160)
