"""The `[[links]]` sections of a mapping: which nodes may name one thing, and how that is found."""

from dataclasses import dataclass
from typing import Literal

Method = Literal[
    "reviewed", "pairs", "same_as", "ids", "exact", "normalised", "first_named", "nearest"
]
STATED = ("reviewed", "pairs", "same_as", "ids")  # somebody says so; nothing is guessed
NAMED = ("exact", "normalised", "first_named")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """What of the nodes of each side is compared: an attribute, or for ids also more."""

    source: str
    target: str


@dataclass(frozen=True, kw_only=True)
class LinkRule:
    """`[[links]]`: nodes of one type to those of another, by methods in order.

    Attributes:
        source: node type to link; where nodes become one, this type and its ids stay.
        target: node type that it is linked to; may be the same.
        source_domain: only nodes of this domain.
        target_domain: the same of the target.
        methods: the first that finds a node anything decides.
        reviewed: a table that `isthmus link` wrote, with `status` as a person left it.
        pairs: a table of pairs of ids.
        pair_columns: its columns of source and target.
        same_as: relations that say that two nodes are one.
        ids: external identifiers: an attribute, a relation (then what it leads to), or `id`.
        having: a target must have an edge of one of these relations, out of it; "*" for any: what
            is only mentioned has nothing to tell.
        year: attributes with the year of each side; years in a name's brackets count anyway.
        year_within: years that are further apart are two things.
        encoder: what makes the vectors of `nearest`.
        read: what the encoder reads.
        threshold: least cosine of `nearest`.
        margin: a second candidate so near the best makes it ambiguous.
        one_to_one: whether a node has one link at most, on both sides.
        action: nodes become one, or get an edge.
        relation: of that edge.
        max_cluster: more nodes than these never become one.
    """

    source: str
    target: str
    source_domain: str | None = None
    target_domain: str | None = None
    methods: tuple[Method, ...] = ("exact", "normalised")
    reviewed: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    pair_columns: Columns = Columns(source="source", target="target")
    same_as: tuple[str, ...] = ("sameAs",)
    ids: Columns | None = None
    having: tuple[str, ...] = ()
    year: Columns | None = None
    year_within: int = 1
    encoder: str = "minilm"
    read: Literal["title", "text"] = "title"
    threshold: float = 0.9
    margin: float = 0.03
    one_to_one: bool = True
    action: Literal["merge", "edge"] = "merge"
    relation: str = "same as"
    max_cluster: int = 20

    def __post_init__(self) -> None:
        if not self.methods:
            raise ValueError("methods: name at least one")
        for name in ("reviewed", "pairs", "ids"):
            given = bool(getattr(self, name))
            if given != (name in self.methods):
                missing = f"set {name}" if not given else f'add "{name}" to methods'
                raise ValueError(f'{name} and the method "{name}" go together: {missing}')
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold = {self.threshold}: must be above 0 and at most 1")
        if not 0 <= self.margin < 1:
            raise ValueError(f"margin = {self.margin}: must be at least 0 and below 1")
        if self.max_cluster < 2:
            raise ValueError(f"max_cluster = {self.max_cluster}: must be 2 or more")
        if self.year_within < 0:
            raise ValueError(f"year_within = {self.year_within}: must not be negative")
        own = (self.source, self.source_domain), (self.target, self.target_domain)
        if own[0] == own[1] and "first_named" in self.methods:
            raise ValueError('"first_named" needs two sides: a name would be linked to its part')
