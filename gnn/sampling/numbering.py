"""Rows of a subgraph for the nodes of a graph, in the order in which they arrive."""

from collections.abc import Mapping

import torch
from torch import Tensor

_NEVER = 2**62  # later than every arrival


class Numbering:
    """Gives the nodes of one type their rows: seeds first, one each; then each node once.

    In disjoint subgraphs each seed has a subgraph of its own, and a node is numbered once in each.

    Args:
        seeds: nodes, int64 `[num_seeds]`.
        num_nodes: number of nodes of the type.
        table: from `Tables`; None for disjoint subgraphs.
        subgraphs: which subgraph each seed is of, int64 `[num_seeds]`; None if they are one.
    """

    def __init__(
        self, seeds: Tensor, num_nodes: int, *, table: Tensor | None, subgraphs: Tensor | None
    ) -> None:
        self._num_nodes, self.table = num_nodes, table
        self._nodes, self._subgraphs = [seeds], [] if subgraphs is None else [subgraphs]
        self.counts = [len(seeds)]
        if table is not None:
            _earliest(table, seeds, torch.arange(len(seeds), device=seeds.device))

    @property
    def nodes(self) -> Tensor:
        """All nodes, by row."""
        return torch.cat(self._nodes)

    @property
    def subgraphs(self) -> Tensor | None:
        """Their subgraphs, by row."""
        return torch.cat(self._subgraphs) if self._subgraphs else None

    @property
    def newest(self) -> tuple[int, Tensor, Tensor | None]:
        """The first row of those that came last, their nodes and subgraphs."""
        last = self._subgraphs[-1] if self._subgraphs else None
        return sum(self.counts[:-1]), self._nodes[-1], last

    def number(self, nodes: Tensor, subgraphs: Tensor | None) -> Tensor:
        """Return the rows of nodes; those that are new get the next ones."""
        known = sum(self.counts)
        arrival = torch.arange(known, known + len(nodes), device=nodes.device)
        if self.table is not None:
            first = _earliest(self.table, nodes, arrival)
        else:
            first = self._earliest_in_subgraph(nodes, subgraphs)[known:]
        new = first == arrival
        rows = new.cumsum(0) + (known - 1)
        found = torch.where(
            first < known, first, rows.index_select(0, (first - known).clamp(min=0))
        )
        fresh = nodes[new]
        if self.table is not None:
            self.table.scatter_(0, fresh, arrival[: len(fresh)])
        self._nodes.append(fresh)
        if subgraphs is not None:
            self._subgraphs.append(subgraphs[new])
        self.counts.append(len(fresh))
        return found

    def nobody(self) -> None:
        """Note that nobody can come: no relation begins at this type."""
        self._nodes.append(self._nodes[0][:0])
        self._subgraphs.extend(part[:0] for part in self._subgraphs[:1])
        self.counts.append(0)

    def _earliest_in_subgraph(self, nodes: Tensor, subgraphs: Tensor | None) -> Tensor:
        assert subgraphs is not None
        keys = torch.cat([*self._subgraphs, subgraphs]) * self._num_nodes
        keys = torch.unique(keys + torch.cat([*self._nodes, nodes]), return_inverse=True)[1]
        arrival = torch.arange(len(keys), device=keys.device)
        return _earliest(torch.full_like(keys, _NEVER), keys, arrival)


class Tables:
    """Room for a number for every node, kept between batches: only what was used is cleared.

    Args:
        num_nodes: by node type.
    """

    def __init__(self, num_nodes: Mapping[str, int]) -> None:
        self._num_nodes = num_nodes
        self._free: dict[tuple[str, torch.device], Tensor] = {}

    def take(self, node_type: str, device: torch.device) -> Tensor:
        """Return a table that nobody else has: a second thread gets one of its own."""
        found = self._free.pop((node_type, device), None)
        if found is not None:
            return found
        return torch.full((self._num_nodes[node_type],), _NEVER, device=device)

    def give_back(self, node_type: str, numbering: Numbering) -> None:
        """Clear the table where it was used, and keep it for the next batch."""
        if numbering.table is not None:
            cleared = numbering.table.index_fill_(0, numbering.nodes, _NEVER)
            self._free[node_type, cleared.device] = cleared


def _earliest(table: Tensor, keys: Tensor, arrival: Tensor) -> Tensor:
    """Note when each key arrived first and return it; the order of noting does not matter."""
    return table.scatter_reduce_(0, keys, arrival, "amin").gather(0, keys)
