"""Which edges are train, valid and test: decided before anything is learned."""

from dataclasses import dataclass
from typing import Literal

from kg.errors import LeakError
from kg.graph import KnowledgeGraph
from kg.vocab import IntArray

Protocol = Literal["user-cold", "item-cold", "warm"]


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldOut:
    """One part (valid or test) of a split: rows to be predicted among candidates.

    Attributes:
        users: int64 `[num_rows]`, sorted together with `items`.
        items: int64 `[num_rows]`, each in `candidates`.
        candidates: sorted distinct item rows that are ranked, int64 `[num_candidates]`.
    """

    users: IntArray
    items: IntArray
    candidates: IntArray

    def __len__(self) -> int:
        return len(self.users)


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """A graph that may be learned from, and the interactions that it no longer holds.

    Attributes:
        protocol: `user-cold`, `item-cold` or `warm`.
        sources: domains that knowledge comes from.
        target: domain that is predicted.
        train: the whole graph without any held-out interaction; same nodes, same rows.
        valid: what settings are chosen on.
        test: what is looked at once, at the end.
        cold_users: rows of users that lost their target interactions (valid and test parts).
        cold_items: rows of items that lost all interactions (valid and test parts).
    """

    protocol: Protocol
    sources: tuple[str, ...]
    target: str
    train: KnowledgeGraph
    valid: HeldOut
    test: HeldOut
    cold_users: IntArray
    cold_items: IntArray


__all__ = ["HeldOut", "LeakError", "Protocol", "Split"]
