"""What orders candidates, and the text that it reads of them."""

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa

from queries.llm.base import Cost
from queries.llm.untrusted import beginning, clean_title, gives_orders
from queries.recommender import Recommender

HISTORY = 10  # items of a user that are told
ABOUT = 160  # characters of an item's text


class Orderer(Protocol):
    """Says how well items go with what somebody likes.

    Attributes:
        together: whether a value depends on the other items that are asked about.
    """

    together: bool

    @property
    def fingerprint(self) -> str:
        """Hash of what decides a value, beside history and items."""

    def values(self, history: Sequence[str], items: Sequence[str]) -> tuple[list[float], Cost]:
        """Return a value for each item, higher is better, and what it cost."""


def history_of(recommender: Recommender, user_id: str) -> list[str]:
    """Return titles of what a user likes most, plain words; none that give orders."""
    row = int(recommender.graph.users.vocab.index([user_id])[0])
    start, stop = recommender.seen.indptr[row : row + 2]
    weight = recommender.seen.data[start:stop]
    items = recommender.seen.indices[start:stop][(-weight).argsort(kind="stable")]
    titles = recommender.titles(recommender.graph.items.vocab.to_ids(items[: 2 * HISTORY]))
    return [clean_title(title) for title in titles if not gives_orders(title, title=True)][:HISTORY]


def described(recommender: Recommender, item_ids: Sequence[str]) -> list[str]:
    """Return title and the beginning of the text of items, in one line of plain words each.

    What gives orders is left out: a text, or a title, for which a dash stands.
    """
    rows = pa.array(recommender.graph.items.vocab.index(list(item_ids)))
    texts = recommender.graph.items.text.take(rows).to_pylist()
    lines = []
    for title, text in zip(recommender.titles(item_ids), texts, strict=True):
        name = "-" if gives_orders(title, title=True) else clean_title(title)
        about = beginning(text or "", title, ABOUT)
        lines.append(f"{name}: {about}" if about else name)
    return lines
