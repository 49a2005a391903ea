"""Commands that say why."""

from typing import Annotated

import typer

from commands.options import AsJson, Number, Protocol, Run, console


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
    print_paths(console(), recommender, user, item, k=k, as_json=as_json)


COMMANDS = (explain,)
