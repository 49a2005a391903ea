"""The front door: the command line, put together from the groups in `commands`."""

import signal
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from commands import answers, explain, graph, jobs, links, prepare, runs, serve, texts, update
from commands import write as writing
from kg.errors import IsthmusError, one_line
from kg.interruption import interruptible

_RESUMABLE = ("run", "train", "encode", "finetune", "tune", "prepare")


class _FrontDoor(TyperGroup):
    """Shows an expected error as one line; an interruption says how to go on."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (IsthmusError, OSError) as error:
            if ctx.params.get("debug") or isinstance(error, BrokenPipeError):
                raise
            typer.echo(f"error: {one_line(error)}", err=True)
            raise typer.Exit(1) from None
        except KeyboardInterrupt as stop:
            resumable = ctx.invoked_subcommand in _RESUMABLE
            hint = "; the same command, without --fresh, goes on from here" if resumable else ""
            kept = f": {one_line(stop)}" if str(stop) else ""
            typer.echo(f"interrupted{kept}{hint}", err=True)
            raise typer.Exit(128 + getattr(stop, "signum", signal.SIGINT)) from None


app = typer.Typer(
    cls=_FrontDoor,
    help="Recommendations across domains: import a knowledge graph, train on it, ask it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"isthmus {version('isthmus')}")
        raise typer.Exit


@app.callback()
def _front(
    ctx: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    del debug, version  # read by _FrontDoor and _version
    if ctx.invoked_subcommand in _RESUMABLE:
        ctx.with_resource(interruptible())


for _panel, _commands in (
    ("Jobs", jobs.COMMANDS),
    ("Jobs", update.COMMANDS),
    ("Jobs", runs.COMMANDS),
    ("Answers", answers.COMMANDS),
    ("Answers", explain.COMMANDS),
    ("Answers", links.COMMANDS),
    ("Answers", prepare.COMMANDS),
    ("Answers", serve.COMMANDS),
    ("Answers", writing.COMMANDS),
    ("Graphs", graph.COMMANDS),
    ("Texts", texts.COMMANDS),
):
    for _command in _commands:
        app.command(_command.__name__.rstrip("_"), rich_help_panel=_panel)(_command)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":  # as torchrun -m has it
    main()
