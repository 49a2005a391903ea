"""Edges that texts see: which items become neighbours, and what is found."""

from dataclasses import dataclass
from typing import Literal

from encoders.base import FloatArray
from kg.vocab import IntArray


@dataclass(frozen=True, kw_only=True)
class TextEdgeConfig:
    """Which items are neighbours in text."""

    k: int = 30  # nearest warm items of an item's own domains; 0 for no such edges
    across: int = 0  # nearest warm items of other domains
    lexical: float = 0.5  # share of word overlap (TF-IDF) in the similarity
    threshold: float = 0.0  # least similarity
    reciprocal: bool = False  # keep only neighbours that would choose the item too
    search: Literal["auto", "exact", "approximate"] = "auto"

    def __post_init__(self) -> None:
        for name in ("k", "across"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} = {getattr(self, name)}: must be 0 or more")
        for name in ("lexical", "threshold"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} = {getattr(self, name)}: must be from 0 to 1")


@dataclass(frozen=True, kw_only=True, eq=False)
class Neighbours:
    """Neighbours of every item, best first.

    Attributes:
        rows: of items, int64 `[num_items, k]`, -1 where there is no further neighbour.
        similarity: float32 `[num_items, k]`, 0 there.
    """

    rows: IntArray
    similarity: FloatArray
