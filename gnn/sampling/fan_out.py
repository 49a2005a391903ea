"""How many neighbours to draw, by relation and hop; names of relations in messages."""

from collections.abc import Iterable, Mapping, Sequence

from gnn.names import EdgeType
from kg.errors import InputError, nearest

FanOut = Sequence[int] | Mapping[EdgeType, Sequence[int]]


def by_relation(fan_out: FanOut, relations: Iterable[EdgeType]) -> dict[EdgeType, list[int]]:
    """Return the fan-outs of every relation, one number a hop.

    Args:
        fan_out: a list for all relations, or one for each; -1 takes all neighbours, 0 none.
        relations: those of the graph.

    Raises:
        InputError: a relation is unknown or lacks a list, lists are empty or differ in length, or
            a number is below -1.
    """
    given, rest = (fan_out, None) if isinstance(fan_out, Mapping) else ({}, fan_out)
    relations = list(relations)
    for edge_type in given:
        check_known(edge_type, relations)
    found = {}
    for edge_type in relations:
        numbers = given.get(edge_type, rest)
        if numbers is None:
            raise InputError(f"no fan-outs for relation {shown(edge_type)}: zeros leave it out")
        found[edge_type] = [int(number) for number in numbers]
        if min(found[edge_type], default=0) < -1:
            raise InputError(
                f"fan-outs {found[edge_type]} of relation {shown(edge_type)}: each must be at "
                "least 0, or -1 for all neighbours"
            )
    hops = {len(numbers) for numbers in found.values()}
    if hops != {max(hops)} or not max(hops):
        raise InputError("fan-outs must have a number for each hop, as many for every relation")
    return found


def check_known(edge_type: EdgeType, relations: Iterable[EdgeType]) -> None:
    """Refuse a relation that is not there.

    Raises:
        InputError: with the nearest one in the message.
    """
    names = [shown(known) for known in relations]
    if shown(edge_type) not in names:
        hint = nearest(shown(edge_type), names) or f", there are {', '.join(names)}"
        raise InputError(f"there is no relation {shown(edge_type)}{hint}")


def shown(edge_type: EdgeType) -> str:
    """Return a relation for a message."""
    return f"({', '.join(edge_type)})"
