"""The command that makes answers ahead."""

from typing import Annotated

import typer

from commands.options import Protocol, Run


def prepare(
    run: Run,
    k: Annotated[int, typer.Option("-k", help="Items of every user.", min=1)] = 200,
    protocol: Protocol = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Make them again.")] = False,
) -> None:
    """Make the best answers of all users ahead, so that questions are looked up; resumes."""
    from queries.preparing import prepare as make

    done = make(run, protocol, k=k, fresh=fresh)
    if done.resumed == done.users:
        typer.echo(f"{done.users:,} users have their answers already")
        return
    earlier = f", {done.resumed:,} of them before" if done.resumed else ""
    typer.echo(f"{done.k} answers for each of {done.users:,} users{earlier}")


COMMANDS = (prepare,)
