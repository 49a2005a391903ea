"""Commands that say why."""

from pathlib import Path
from typing import Annotated

import typer

from commands.options import AsJson, Number, Protocol, Run, console


def explain(
    run: Run,
    user: Annotated[str, typer.Option(help="Id of a user.")],
    item: Annotated[str, typer.Option(help="Id of an item.")],
    k: Number = 5,
    picture: Annotated[
        Path | None, typer.Option(help=".svg or .png to draw the paths into.")
    ] = None,
    protocol: Protocol = None,
    as_json: AsJson = False,
) -> None:
    """Show what a score is made of, and the paths that carry it."""
    from queries.explaining.picture import check_format, draw
    from queries.explaining.text import print_explanation
    from queries.recommender import Recommender

    if picture is not None:
        check_format(picture)
    explanation = Recommender.open(run, protocol).explain(user, item, limit=k)
    if picture is not None:
        draw(explanation, picture)
    print_explanation(console(), explanation, as_json=as_json)


COMMANDS = (explain,)
