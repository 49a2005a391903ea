"""What an explanation says: parts that sum to the score, and paths that carry them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from queries.explaining.path import Node, Path

POPULARITY = "popularity"


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one kind of evidence adds to the score.

    Attributes:
        name: in words.
        contribution: in units of the score.
        share: contribution over `Explanation.evidence`; that of "any item", which is none, is 0.
        untraced: what of it is on no path.
        signals: what it is made of: by name, value and contribution. The value is in deviations,
            beyond what says nothing.
    """

    name: str
    contribution: float
    share: float
    untraced: float
    signals: Mapping[str, tuple[float, float]]

    @property
    def on_paths(self) -> bool:
        """Whether any of it is."""
        return abs(self.contribution - self.untraced) > 1e-9

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "name": self.name,
            "contribution": self.contribution,
            "share": self.share,
            "untraced": self.untraced,
            "signals": {
                name: {"value": value, "contribution": contribution}
                for name, (value, contribution) in self.signals.items()
            },
        }


@dataclass(frozen=True, kw_only=True)
class Through:
    """What all paths through one item add: one of the user's, or a text neighbour.

    Attributes:
        node: the item.
        contribution: in units of the score.
        share: contribution over `Explanation.evidence`.
        cosine: nearness to the explained item in text.
    """

    node: Node
    contribution: float
    share: float
    cosine: float

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            **self.node.to_json(),
            "contribution": self.contribution,
            "share": self.share,
            "cosine": self.cosine,
        }


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Why a user is given an item.

    The contributions of `parts` sum to `score`. So do those of all paths and what no path carries:
    the listed `paths`, `remaining` and every part's `untraced`.

    Attributes:
        user: who asks.
        item: the explained item.
        score: what `recommend` and `score` give the pair.
        parts: by size.
        paths: those that add or take most, by size.
        num_paths: how many there are, listed or not.
        remaining: what the paths that are not listed add.
        history: what each item of the user adds, all its paths together, by size; all of them.
        neighbours: what each text neighbour adds that stands in for the item, by size.
        evidence: the sum of the absolute values of all paths and of what is on none: what shares
            are shares of.
        knows: whether anything is known that the user did.
    """

    user: Node
    item: Node
    score: float
    parts: tuple[Part, ...]
    paths: tuple[Path, ...]
    num_paths: int
    remaining: float
    history: tuple[Through, ...]
    neighbours: tuple[Through, ...]
    evidence: float
    knows: bool

    @property
    def popularity(self) -> float:
        """What is due to the item's popularity, in units of the score."""
        return sum(part.contribution for part in self.parts if part.name == POPULARITY)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "user": self.user.to_json(),
            "item": self.item.to_json(),
            "score": self.score,
            "popularity": self.popularity,
            "parts": [part.to_json() for part in self.parts],
            "paths": [path.to_json() for path in self.paths],
            "num_paths": self.num_paths,
            "remaining": self.remaining,
            "history": [item.to_json() for item in self.history],
            "neighbours": [item.to_json() for item in self.neighbours],
        }
