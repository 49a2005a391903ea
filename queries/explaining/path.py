"""A path that explains a recommendation, and how it reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["direct", "entity", "people"]
_WORDS = {"interacts": "knows"}  # what a mapping calls interactions that it does not name


@dataclass(frozen=True, kw_only=True)
class Node:
    """One stop of a path: `title` is the id where the node has none."""

    type: str
    id: str
    title: str
    domains: tuple[str, ...] = ()


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
    """Return the path to show first.

    What a work has in common with another tells more than that the same people know both, and
    most of all where it leads from one domain to another; then the share decides.
    """
    return max(
        paths, key=lambda path: (path.kind != "people", path.crosses, path.share), default=None
    )


def render(path: Path) -> str:
    """Return a path in one line.

    Such as `Ada likes "Emma" (books) —author→ Jane Austen ←author— "Persuasion" (films)`: an arrow
    points the way the edge is stored, from a work to its author.
    """
    user, first, *rest = (_name(node) for node in path.nodes)
    verb, *words = (_WORDS.get(hop.relation, hop.relation) for hop in path.relations)
    line = f"{user} {verb} {first}"
    for word, hop, name in zip(words, path.relations[1:], rest, strict=True):
        word = word.replace("_", " ")
        line += f" —{word}→ {name}" if hop.forward else f" ←{word}— {name}"
    return line


def _name(node: Node) -> str:
    return f'"{node.title}" ({", ".join(node.domains)})' if node.domains else node.title
