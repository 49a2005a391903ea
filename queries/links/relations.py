"""Which end of which relation a question is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kg.errors import InputError, UnknownIdError, nearest, shown
from kg.graph import EdgeType, Nodes


@dataclass(frozen=True)
class Side:
    """One end of an edge type that is asked for, given the other.

    Attributes:
        edge_type: (src, relation, dst).
        tails: whether it is the tail that is asked for.
    """

    edge_type: EdgeType
    tails: bool

    @property
    def given(self) -> str:
        """Node type of what is given."""
        return self.edge_type[0 if self.tails else 2]

    @property
    def wanted(self) -> str:
        """Node type of the answers."""
        return self.edge_type[2 if self.tails else 0]


def described(types: Sequence[EdgeType], relation: str) -> list[EdgeType]:
    """Return the edge types of a name.

    Raises:
        InputError: there are none; names all, and the nearest.
    """
    found = [edge_type for edge_type in types if edge_type[1] == relation]
    if not found:
        names = list(dict.fromkeys(name for _, name, _ in types))
        raise InputError(
            f"unknown relation {shown(relation)}{nearest(relation, names)} "
            f"(relations: {', '.join(names)})"
        )
    return found


def facing(
    types: Sequence[EdgeType],
    nodes: Mapping[str, Nodes],
    relation: str,
    ids: Sequence[str],
    *,
    tails: bool,
    node_type: str | None,
) -> Side:
    """Return which end of which edge type is asked for.

    Args:
        types: all edge types.
        nodes: by type.
        relation: name of a relation, which may have several edge types.
        ids: what is given: where several edge types fit, those count whose nodes have these ids.
        tails: whether the tail is asked for.
        node_type: type of the answers; None for any.

    Raises:
        UnknownIdError: the ids are of the other end.
        InputError: unknown relation or type, or more than one edge type fits.
    """
    sides = [Side(edge_type, tails) for edge_type in described(types, relation)]
    wanted = list(dict.fromkeys(side.wanted for side in sides))
    if node_type is not None:
        sides = [side for side in sides if side.wanted == node_type]
        if not sides:
            word = "tails" if tails else "heads"
            raise InputError(
                f"{word} of {relation!r} are of type {' or '.join(wanted)}, not {shown(node_type)}"
            )
    counts = [_known(nodes[side.given], ids) for side in sides]
    best = [side for side, count in zip(sides, counts, strict=True) if count == max(counts)]
    if max(counts) == 0 and ids:
        other = [Side(side.edge_type, not tails) for side in sides]
        for side in other:
            if _known(nodes[side.given], ids):
                word, option = ("tail", "--tail") if tails else ("head", "--head")
                raise UnknownIdError(
                    f"{shown(str(ids[0]))} is a {side.given}, a {word} of {relation!r}: "
                    f"ask with {option}"
                )
        return sides[0]  # whose vocabulary then says what is unknown
    if len(best) > 1:
        named = " or ".join(dict.fromkeys(side.wanted for side in best))
        raise InputError(f"{relation!r} joins {named}: say which with --type")
    return best[0]


def _known(nodes: Nodes, ids: Sequence[str]) -> int:
    return int((nodes.vocab.lookup([str(node_id) for node_id in ids]) >= 0).sum())
