"""One node more: somebody new, or a new item, of whom a few words are said."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kg.errors import InputError
from queries.newcomers.tables import USER, Newcomers

if TYPE_CHECKING:
    from kg.vocab import Vocab
    from queries.recommender import Recommender

ITEM = "text"


def with_user(
    recommender: "Recommender", items: Sequence[str], text: str
) -> tuple["Recommender", str]:
    """Return a recommender that knows one user more, and the user's id.

    Args:
        recommender: of the model; it is not changed.
        items: ids of items that they used.
        text: what is known of them in words; `""` for nothing.

    Raises:
        UnknownIdError: an item is unknown.
        InputError: nothing is known of them, or the run has no encoder for texts.
    """
    if not items and not text.strip():
        raise InputError("nothing is known of somebody new: give likes, or a text with words")
    user = _unused(USER, recommender.graph.users.vocab)
    return recommender.with_newcomers(Newcomers.likes(items, user, text=text)), user


def with_item(
    recommender: "Recommender", text: str, domain: str | None
) -> tuple["Recommender", str]:
    """Return a recommender that knows one item more, and the item's id.

    Args:
        recommender: of the model; it is not changed.
        text: what the item is, in words.
        domain: of the item; None for every domain.

    Raises:
        InputError: the text is blank, there is no such domain, or the run has no encoder for texts.
    """
    if not text.strip():
        raise InputError("the text of a new item is blank")
    graph = recommender.graph
    item = _unused(ITEM, graph.items.vocab)
    domains = graph.domains if domain is None else [domain]
    new = Newcomers.item(item, text, domains, node_type=graph.item_type)
    return recommender.with_newcomers(new), item


def _unused(name: str, vocab: "Vocab") -> str:
    """Return a name that no node has."""
    number, found = 1, name
    while found in vocab:
        number += 1
        found = f"{name}-{number}"
    return found
