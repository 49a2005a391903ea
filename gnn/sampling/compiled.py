"""The same draw by `pyg-lib`, the compiled sampler of PyG, where it is installed."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch_geometric.typing as installed
from torch import Tensor
from torch_geometric.sampler import HeteroSamplerOutput

from gnn.names import EdgeType
from gnn.sampling.csr import NeighbourIndex


def why_not(
    indexes: Mapping[EdgeType, NeighbourIndex], generator: torch.Generator | None
) -> str | None:
    """Return why `pyg-lib` cannot draw from these indexes, None if it can."""
    times = [index.time for index in indexes.values()]
    timed = any(time is not None for time in times)
    reasons = {
        "it is not installed": not installed.WITH_PYG_LIB,
        "it takes no generator": generator is not None,
        "it works on the CPU only": any(i.device.type != "cpu" for i in indexes.values()),
        "it cannot leave out edges": any(index.hidden for index in indexes.values()),
        "it is too old for edges with times": timed
        and not installed.WITH_EDGE_TIME_NEIGHBOR_SAMPLE,
        "it wants int64 times of every relation, or of none": timed
        and any(time is None or time.dtype != torch.int64 for time in times),
    }
    return next((reason for reason, applies in reasons.items() if applies), None)


class Compiled:
    """Draws what `Hops` draws. Rows that are shorter than 64 bits or on disk are copied to memory.

    Args:
        indexes: by relation.
        num_nodes: by node type.
        fan_outs: by relation, a number for each hop.
        replace: whether an edge may be drawn again.
        disjoint: whether each seed has a subgraph of its own.
        last: take the latest edges, not any.
    """

    def __init__(
        self,
        indexes: Mapping[EdgeType, NeighbourIndex],
        num_nodes: Mapping[str, int],
        fan_outs: Mapping[EdgeType, Sequence[int]],
        *,
        replace: bool,
        disjoint: bool,
        last: bool,
    ) -> None:
        self._indexes, self._types = indexes, list(num_nodes)
        self._name = {edge_type: "__".join(edge_type) for edge_type in indexes}
        self._rows = {self._name[e]: index.rows for e, index in indexes.items()}
        self._columns = {self._name[e]: index.columns.long() for e, index in indexes.items()}
        self._times = {
            self._name[e]: index.time for e, index in indexes.items() if index.time is not None
        }
        self._fan_outs = {self._name[e]: list(numbers) for e, numbers in fan_outs.items()}
        self._replace, self._disjoint = replace, disjoint
        self._strategy = "last" if last else "uniform"

    def sample(
        self, seeds: Mapping[str, Tensor], times: Mapping[str, Tensor] | None
    ) -> HeteroSamplerOutput:
        """Draw one subgraph, or one for each seed; arguments as those of `Hops.sample`."""
        # in the order in which torch_geometric.sampler.NeighborSampler gives them
        arguments: list[Any] = [self._types, list(self._indexes), self._rows, self._columns]
        arguments += [dict(seeds), self._fan_outs, None]  # no times of nodes
        if installed.WITH_EDGE_TIME_NEIGHBOR_SAMPLE:
            arguments.append(self._times or None)
        arguments.append(None if times is None else dict(times))
        if installed.WITH_WEIGHTED_NEIGHBOR_SAMPLE:
            arguments.append(None)
        csc = directed = return_edge_id = True
        arguments += [csc, self._replace, directed, self._disjoint, self._strategy, return_edge_id]
        row, col, node, edge, *counts = torch.ops.pyg.hetero_neighbor_sample(*arguments)
        batch = None
        if self._disjoint:
            batch = {t: pairs[:, 0].contiguous() for t, pairs in node.items()}
            node = {t: pairs[:, 1].contiguous() for t, pairs in node.items()}
        num_nodes, num_edges = counts if len(counts) == 2 else (None, None)  # releases before 0.2
        return HeteroSamplerOutput(
            node=node,
            row={e: row[name] for e, name in self._name.items()},
            col={e: col[name] for e, name in self._name.items()},
            edge={e: self._indexes[e].edges[edge[name]].long() for e, name in self._name.items()},
            batch=batch,
            num_sampled_nodes=num_nodes,
            num_sampled_edges=num_edges and {e: num_edges[n] for e, n in self._name.items()},
        )
