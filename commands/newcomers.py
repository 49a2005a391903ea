"""Options that bring nodes a model has never seen."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kg.errors import InputError

if TYPE_CHECKING:
    from queries.recommender import Recommender

Likes = Annotated[
    list[str] | None,
    typer.Option(metavar="FILE|ID,ID", help="Instead of a user: what somebody new used."),
]
Said = Annotated[
    str | None, typer.Option("--text", help="Instead of a user: what somebody new looks for.")
]
Described = Annotated[
    str | None, typer.Option("--text", help="Instead of an id: the text of a new item.")
]
NewNodes = Annotated[
    Path | None,
    typer.Option(help="Table of new nodes: id, type, title, text, domain, attributes."),
]
NewEdges = Annotated[
    Path | None, typer.Option(help="Table of their edges: relation, src, dst, weight.")
]


def somebody(
    recommender: "Recommender", likes: list[str] | None, text: str | None
) -> tuple["Recommender", str]:
    """Return a recommender that knows a new user too, and the user's id.

    Raises:
        UnknownIdError: an item is not in the graph.
        InputError: nothing is said of them.
    """
    from queries.lists import read_items
    from queries.newcomers.one import with_user

    return with_user(
        recommender, read_items(recommender.graph, likes or (), skip_unknown=False), text or ""
    )


def joined_by(recommender: "Recommender", nodes: Path | None, edges: Path | None) -> "Recommender":
    """Return a recommender that knows the nodes of a table too.

    Raises:
        InputError: a table does not fit the graph; names file, line and id.
    """
    if nodes is None and edges is None:
        return recommender
    if nodes is None:
        raise InputError("--new-edges needs --new-nodes: what joins old nodes changes nothing")
    from queries.newcomers import Newcomers

    return recommender.with_newcomers(Newcomers.from_files(nodes, edges))
