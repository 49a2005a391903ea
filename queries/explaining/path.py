"""A path that carries a part of a score, and how it reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["direct", "entity", "people", "together", "text", "network"]
_WORDS = {"interacts": "knows"}  # what a mapping calls interactions that it does not name
LIKENESS = {"together": "used together", "text": "alike in text", "network": "near in the network"}


@dataclass(frozen=True, kw_only=True)
class Node:
    """One stop of a path.

    Attributes:
        type: node type.
        id: `""` for people, of whom only the number is told.
        title: the id where the node has none.
        domains: of an item.
    """

    type: str
    id: str
    title: str
    domains: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"type": self.type, "id": self.id, "title": self.title, "domains": [*self.domains]}


@dataclass(frozen=True, kw_only=True)
class Hop:
    """One step of a path.

    Attributes:
        relation: an edge type of the graph, or words for a likeness.
        forward: whether the edge is stored in the direction it is walked; None for a likeness.
    """

    relation: str
    forward: bool | None

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"relation": self.relation, "forward": self.forward}


@dataclass(frozen=True, kw_only=True)
class Path:
    """One way from a user to an item, with what it adds to the score.

    Attributes:
        kind: what joins the user's item with the explained one: `direct` (a relation), `entity`
            (both have a person, a genre, ... in common), `people` (who used both), `together` (what
            is used with the one is used with the other), `text`, or `network` (near in the first
            stage).
        nodes: user, an item of theirs, what joins, and the item.
        relations: the steps between consecutive nodes.
        contribution: in units of the score; may be negative.
        share: contribution over `Explanation.evidence`.
        crosses: the user's item and the explained one have no domain in common.
        others: how many more items stand where the last item but one does.
    """

    kind: Kind
    nodes: tuple[Node, ...]
    relations: tuple[Hop, ...]
    contribution: float
    share: float
    crosses: bool
    others: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "kind": self.kind,
            "share": self.share,
            "contribution": self.contribution,
            "crosses": self.crosses,
            "path": render(self),
            "nodes": [node.to_json() for node in self.nodes],
            "relations": [hop.to_json() for hop in self.relations],
            "others": self.others,
        }


def telling(paths: Sequence[Path]) -> Path | None:
    """Return the path to show first: the one that adds most, if any adds something."""
    best = max(paths, key=lambda path: path.contribution, default=None)
    return best if best is not None and best.contribution > 0 else None


def render(path: Path) -> str:
    """Return a path in one line.

    Such as `Ada likes "Emma" (books) —author→ Jane Austen ←author— "Persuasion" (films)`: an arrow
    points the way the edge is stored, from a work to its author. A likeness has no arrow.
    """
    user, first, *rest = (name(node) for node in path.nodes)
    if path.others:
        rest[-2] += f" and {path.others} more"
    verb, *words = (_WORDS.get(hop.relation, hop.relation) for hop in path.relations)
    line = f"{user} {verb} {first}"
    for word, hop, stop in zip(words, path.relations[1:], rest, strict=True):
        word = word.replace("_", " ")
        if hop.forward is None:
            line += f" ~{word}~ {stop}"
        else:
            line += f" —{word}→ {stop}" if hop.forward else f" ←{word}— {stop}"
    return line


def name(node: Node) -> str:
    """Return a node as a line shows it: titles of items in quotes, with their domains."""
    title = plain(node.title)
    return f'"{title}" ({", ".join(node.domains)})' if node.domains else title


def plain(text: str) -> str:
    """Return a title on one line, without what moves a terminal's cursor or changes its colours."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
