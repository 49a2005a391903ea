"""A path that explains a recommendation, and how it reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["direct", "entity", "people"]


@dataclass(frozen=True, kw_only=True)
class Node:
    """One stop of a path: `title` is the id where the node has none."""

    type: str
    id: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Hop:
    """One edge of a path: `forward` if it is stored in the direction it is walked."""

    relation: str
    forward: bool


@dataclass(frozen=True, kw_only=True)
class Path:
    """One way from a user to an item.

    Attributes:
        kind: `direct` (two items are linked), `entity` (they share a person, a genre, ...) or
            `people` (somebody used both).
        nodes: user, an item of theirs, what connects, and the item.
        relations: the edges between consecutive nodes.
        share: weight among all paths from this user to this item; all of them sum to 1.
        crosses: the user's item and the explained one have no domain in common.
    """

    kind: Kind
    nodes: tuple[Node, ...]
    relations: tuple[Hop, ...]
    share: float
    crosses: bool


def telling(paths: Sequence[Path]) -> Path | None:
    """Return the path to show first: the best about content, else the best through people."""
    content = [path for path in paths if path.kind != "people"]
    return next(iter(content or paths), None)


def render(path: Path, item_type: str) -> str:
    """Return a path in one line, such as `Ada likes "Emma" —author→ Austen ←author— "Persuasion"`.

    An arrow points the way the edge is stored: from a book to its author.
    """
    names = [f'"{node.title}"' if node.type == item_type else node.title for node in path.nodes]
    words = [hop.relation.replace("_", " ") for hop in path.relations]
    line = f"{names[0]} {words[0]} {names[1]}"
    for word, hop, name in zip(words[1:], path.relations[1:], names[2:], strict=True):
        line += f" —{word}→ {name}" if hop.forward else f" ←{word}— {name}"
    return line
