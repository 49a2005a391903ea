"""What parameters are called, for whoever reads weights without torch."""

EdgeType = tuple[str, str, str]


def parameter_name(name: str) -> str:
    """Return what parameters of a node type or relation of any name may be called.

    Modules refuse dots, and names that are attributes of theirs (`type`, `items`).
    """
    return "of_" + name.replace("%", "%25").replace(".", "%2E")


def gate_name(edge_type: EdgeType) -> str:
    """Return a parameter name for an edge type."""
    return "__".join(parameter_name(part) for part in edge_type)
