"""Options that bring nodes a model has never seen."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kg.errors import InputError

if TYPE_CHECKING:
    from kg.vocab import Vocab
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
    from queries.newcomers import Newcomers

    items = read_items(recommender.graph, likes or (), skip_unknown=False)
    if not items and not (text or "").strip():
        raise InputError("--likes and --text are empty: nothing is known of whom to recommend to")
    user = _unused("you", recommender.graph.users.vocab)
    return recommender.with_newcomers(Newcomers.likes(items, user, text=text or "")), user


def described(
    recommender: "Recommender", text: str, domain: str | None
) -> tuple["Recommender", str]:
    """Return a recommender that knows an item with a text too, and the item's id.

    Raises:
        InputError: the text is empty, or there is no such domain.
    """
    from queries.newcomers import Newcomers

    if not text.strip():
        raise InputError("--text is empty")
    graph = recommender.graph
    item = _unused("text", graph.items.vocab)
    domains = graph.domains if domain is None else [domain]
    new = Newcomers.item(item, text, domains, node_type=graph.item_type)
    return recommender.with_newcomers(new), item


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


def _unused(name: str, vocab: "Vocab") -> str:
    """Return a name that no node has."""
    number, found = 1, name
    while found in vocab:
        number += 1
        found = f"{name}-{number}"
    return found
