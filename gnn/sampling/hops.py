"""Everything within some hops of seeds, drawn hop by hop over every relation."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric.sampler import HeteroSamplerOutput

from gnn.names import EdgeType
from gnn.sampling.csr import NeighbourIndex
from gnn.sampling.neighbours import sample
from gnn.sampling.numbering import Numbering, Tables


class _Drawn(NamedTuple):
    neighbours: Tensor
    subgraphs: Tensor | None
    receivers: Tensor
    edges: Tensor


class Hops:
    """Draws subgraphs: each node that arrives draws once, over each relation that ends at its type.

    Nodes are numbered as PyG numbers them: by type, seeds first in their order, then those of the
    first hop, and so on. Edges come hop by hop, those into a node side by side.

    Args:
        num_nodes: by node type.
        fan_outs: by relation, a number for each hop.
        replace: whether an edge may be drawn again.
        disjoint: whether each seed has a subgraph of its own.
        last: take the latest edges of relations that have times, not any.
    """

    def __init__(
        self,
        num_nodes: Mapping[str, int],
        fan_outs: Mapping[EdgeType, Sequence[int]],
        *,
        replace: bool,
        disjoint: bool,
        last: bool,
    ) -> None:
        self._num_nodes, self._fan_outs = num_nodes, fan_outs
        self._replace, self._disjoint, self._last = replace, disjoint, last
        self._tables = Tables(num_nodes)

    def sample(
        self,
        indexes: Mapping[EdgeType, NeighbourIndex],
        seeds: Mapping[str, Tensor],
        times: Mapping[str, Tensor] | None,
        generator: torch.Generator | None,
    ) -> HeteroSamplerOutput:
        """Draw one subgraph, or one for each seed.

        Args:
            indexes: by relation; those that end at a type say whom its nodes hear.
            seeds: nodes by type, int64. Disjoint subgraphs are numbered as they are, type by type.
            times: of the seeds, by type; what is later does not belong to their subgraphs.
            generator: source of randomness, on the device.
        """
        until = None if times is None else torch.cat([times[node_type] for node_type in seeds])
        met = self._start(seeds)
        hops: list[dict[EdgeType, tuple[Tensor, Tensor, Tensor]]] = []
        for hop in range(max(len(numbers) for numbers in self._fan_outs.values())):
            drawn = {
                e: self._draw(index, self._fan_outs[e][hop], met[e[2]], until, generator)
                for e, index in indexes.items()
            }
            hops.append({})
            for node_type, numbering in met.items():
                heard = {e: found for e, found in drawn.items() if e[0] == node_type}
                if not heard:
                    numbering.nobody()
                    continue
                rows = numbering.number(
                    torch.cat([found.neighbours for found in heard.values()]),
                    _joined([found.subgraphs for found in heard.values()]),
                )
                lengths = [len(found.edges) for found in heard.values()]
                for (e, found), mine in zip(heard.items(), torch.split(rows, lengths), strict=True):
                    hops[-1][e] = (mine, found.receivers, found.edges)
        for node_type, numbering in met.items():
            self._tables.give_back(node_type, numbering)
        row, col, edge = (
            {e: torch.cat([h[e][i] for h in hops]) for e in indexes} for i in range(3)
        )
        return HeteroSamplerOutput(
            node={t: numbering.nodes for t, numbering in met.items()},
            row=row,
            col=col,
            edge=edge,
            batch={t: m.subgraphs for t, m in met.items()} if self._disjoint else None,
            num_sampled_nodes={t: numbering.counts for t, numbering in met.items()},
            num_sampled_edges={e: [len(h[e][0]) for h in hops] for e in indexes},
        )

    def _start(self, seeds: Mapping[str, Tensor]) -> dict[str, Numbering]:
        device = next(iter(seeds.values())).device
        begin, subgraphs = 0, {}
        for node_type, nodes in seeds.items():
            subgraphs[node_type] = torch.arange(begin, begin + len(nodes), device=device)
            begin += len(nodes)
        nobody = torch.empty(0, dtype=torch.int64, device=device)
        return {
            node_type: Numbering(
                seeds.get(node_type, nobody),
                num,
                table=None if self._disjoint else self._tables.take(node_type, device),
                subgraphs=subgraphs.get(node_type, nobody) if self._disjoint else None,
            )
            for node_type, num in self._num_nodes.items()
        }

    def _draw(
        self,
        index: NeighbourIndex,
        fan_out: int,
        receivers: Numbering,
        until: Tensor | None,
        generator: torch.Generator | None,
    ) -> _Drawn:
        first_row, nodes, subgraphs = receivers.newest
        time = None
        if index.time is not None and until is not None and subgraphs is not None:
            time = until[subgraphs]
        found = sample(
            index,
            nodes,
            fan_out,
            replace=self._replace,
            generator=generator,
            time=time,
            last=self._last and index.time is not None,
        )
        return _Drawn(
            neighbours=found.neighbours,
            subgraphs=None if subgraphs is None else subgraphs[found.picked],
            receivers=found.picked + first_row,
            edges=found.edges,
        )


def _joined(parts: list[Tensor | None]) -> Tensor | None:
    there = [part for part in parts if part is not None]
    return torch.cat(there) if there else None
