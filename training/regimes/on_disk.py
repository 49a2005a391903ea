"""The graph and what is known of its nodes, kept in files: memory holds what was just read."""

from collections.abc import Callable, Mapping

from torch import Tensor

from gnn.views import GraphView

Keep = Callable[[Tensor], Tensor]


def on_disk(
    graph: GraphView, x: Mapping[str, Mapping[str, Tensor]], keep: Keep
) -> dict[str, dict[str, Tensor]]:
    """Return channels that are read from disk, and put the edges of a graph there.

    Edges that are on a GPU stay on it.

    Args:
        graph: of which no view was made yet.
        x: channels by node type and name, `[num_nodes, in_channels]`.
        keep: returns a copy of a tensor that is mapped from a file.
    """
    for adjacency in (*graph.adjacencies.values(), *graph.near.values()):
        for name, value in vars(adjacency).items():
            if isinstance(value, Tensor) and value.device.type == "cpu":
                setattr(adjacency, name, keep(value))
    return {t: {name: keep(rows) for name, rows in of.items()} for t, of in x.items()}
