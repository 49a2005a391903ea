"""A neighbour sampler that PyG's loaders drive, and that needs no compiled companion of PyG."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import get_worker_info
from torch_geometric.data import HeteroData
from torch_geometric.sampler import (
    BaseSampler,
    EdgeSamplerInput,
    HeteroSamplerOutput,
    NegativeSampling,
    NodeSamplerInput,
)
from torch_geometric.sampler.neighbor_sampler import edge_sample, node_sample

from gnn.names import EdgeType
from gnn.sampling.compiled import Compiled, why_not
from gnn.sampling.csr import NeighbourIndex
from gnn.sampling.fan_out import FanOut, by_relation, shown
from gnn.sampling.hops import Hops
from gnn.sampling.supervision import SeededNegatives, Supervision
from kg.errors import InputError, nearest

_STRATEGIES = ("uniform", "last")
_BACKENDS = ("auto", "torch", "pyg-lib")


class HeteroNeighborSampler(BaseSampler):  # type: ignore[misc]
    """Draws some hops around seeds, for `NodeLoader` and `LinkLoader` of PyG.

    Relations are followed from the end of their edges to the beginning; which neighbours a node
    hears is uniform. `sample_from_edges` leaves the edges between the pairs of the batch out of the
    subgraph, in both directions: a model cannot read off what it is to predict.

    Where edges have times every batch must have them too. Each seed hears only what was there at
    its time, and subgraphs are disjoint, as in PyG.

    Args:
        indexes: by relation; their edge numbers are those of the graph.
        num_nodes: by node type.
        num_neighbors: fan-outs by hop, for all relations or by relation; -1 is all neighbours.
        replace: draw with replacement.
        disjoint: a subgraph of its own for each seed.
        temporal_strategy: "uniform", or "last" for the latest edges of relations that have times.
        reverse: which relation holds the facts of another in the other direction. None finds those
            that are named as PyG names them (`rev_likes`).
        keep_supervision: leave the edges of the batch where they are.
        generator: where random numbers come from, on the device of the indexes. A worker of a
            loader makes its own of it and of the loader's. None: torch's default generator.
        backend: "torch"; "pyg-lib", the compiled sampler of PyG, which can leave out no edges and
            takes no generator; "auto": the latter where it is installed and can do what is asked.

    Raises:
        InputError: fan-outs, relations or options make no sense.
    """

    def __init__(
        self,
        indexes: Mapping[EdgeType, NeighbourIndex],
        num_nodes: Mapping[str, int],
        num_neighbors: FanOut,
        *,
        replace: bool = False,
        disjoint: bool = False,
        temporal_strategy: str = "uniform",
        reverse: Mapping[EdgeType, EdgeType] | None = None,
        keep_supervision: bool = False,
        generator: torch.Generator | None = None,
        backend: str = "auto",
    ) -> None:
        super().__init__()
        _check_indexes(indexes, num_nodes)
        _check_choice("temporal_strategy", temporal_strategy, _STRATEGIES)
        _check_choice("backend", backend, _BACKENDS)
        self.indexes, self.num_nodes = dict(indexes), dict(num_nodes)
        self.is_temporal = any(index.time is not None for index in indexes.values())
        self.disjoint = disjoint or self.is_temporal
        last = temporal_strategy == "last"
        if last and (replace or not self.is_temporal):
            raise InputError('temporal_strategy = "last" needs edges with times, and no replace')
        self._supervision = Supervision(indexes, reverse)
        self._keep_supervision = keep_supervision
        self._given = self._generator = generator
        self._worker: int | None = None
        fan_outs = by_relation(num_neighbors, indexes)
        options = {"replace": replace, "disjoint": self.disjoint, "last": last}
        self._hops = Hops(self.num_nodes, fan_outs, **options)
        reason = why_not(indexes, generator)
        if backend == "pyg-lib" and reason:
            raise InputError(f"pyg-lib cannot draw here: {reason}")
        self._only_compiled, self._compiled = backend == "pyg-lib", None
        if backend != "torch" and not reason:
            self._compiled = Compiled(self.indexes, self.num_nodes, fan_outs, **options)

    @classmethod
    def from_data(
        cls,
        data: HeteroData,
        num_neighbors: FanOut,
        *,
        time_attr: str | None = None,
        **options: Any,
    ) -> "HeteroNeighborSampler":
        """Index the edges of a graph.

        Args:
            data: with `edge_index` of every relation.
            num_neighbors: fan-outs.
            time_attr: attribute of edges that says when they came to be.
            **options: as of the class.

        Raises:
            InputError: no relation has the attribute, or as for the class.
        """
        if not isinstance(data, HeteroData):
            raise InputError(f"expected HeteroData, got {type(data).__name__}")
        num_nodes = {node_type: int(data[node_type].num_nodes) for node_type in data.node_types}
        timed = [e for e in data.edge_types if time_attr and time_attr in data[e]]
        if time_attr and not timed:
            raise InputError(f"no relation has an attribute {time_attr!r} of its edges")
        indexes = {
            e: NeighbourIndex.from_edges(
                data[e].edge_index[0],
                data[e].edge_index[1],
                num_nodes[e[0]],
                num_nodes[e[2]],
                time=data[e][time_attr] if e in timed else None,
            )
            for e in data.edge_types
        }
        return cls(indexes, num_nodes, num_neighbors, **options)

    def sample_from_nodes(self, index: NodeSamplerInput, **kwargs: Any) -> HeteroSamplerOutput:
        """Draw a subgraph around nodes.

        Raises:
            InputError: a node type is unknown, or only one of seeds and edges has times.
        """
        self._check([index.input_type], index.time)
        return node_sample(index, lambda seeds, times: self._sample(self.indexes, seeds, times))

    def sample_from_edges(
        self, index: EdgeSamplerInput, neg_sampling: NegativeSampling | None = None
    ) -> HeteroSamplerOutput:
        """Draw a subgraph around pairs of nodes, without the edges between them.

        Args:
            index: the pairs.
            neg_sampling: other pairs, drawn and added as PyG does.

        Raises:
            InputError: as above, or it is unclear what the reverse of a relation is.
        """
        self._check((index.input_type or (None,))[::2], index.time)
        indexes = self.indexes
        if not self._keep_supervision:
            indexes = self._supervision.without(index.input_type, index.row, index.col)
            if self._only_compiled and indexes != self.indexes:
                raise InputError(
                    "pyg-lib cannot leave out edges: keep_supervision, or another backend"
                )
        draws = self._random()
        if neg_sampling is not None and draws is not None:
            neg_sampling = SeededNegatives(neg_sampling, draws)

        def draw(seeds: dict[str, Tensor], times: dict[str, Tensor] | None) -> HeteroSamplerOutput:
            return self._sample(indexes, seeds, times)

        return edge_sample(index, draw, self.num_nodes, self.disjoint, None, neg_sampling)

    def _sample(
        self,
        indexes: Mapping[EdgeType, NeighbourIndex],
        seeds: dict[str, Tensor],
        times: dict[str, Tensor] | None,
    ) -> HeteroSamplerOutput:
        if self._compiled is not None and indexes == self.indexes:
            return self._compiled.sample(seeds, times)
        device = next(iter(indexes.values())).device
        seeds = {node_type: nodes.to(device) for node_type, nodes in seeds.items()}
        if times is not None:
            times = {node_type: when.to(device) for node_type, when in times.items()}
        return self._hops.sample(indexes, seeds, times, self._random())

    def _random(self) -> torch.Generator | None:
        """Return the generator; of a worker of a loader, one that no other worker has."""
        worker = get_worker_info()
        if self._given is None or worker is None:
            return self._generator
        if self._worker != worker.seed:
            self._worker = worker.seed  # differs by worker and epoch
            seed = (self._given.initial_seed() ^ worker.seed) % 2**63
            self._generator = torch.Generator(self._given.device).manual_seed(seed)
        return self._generator

    def _check(self, kinds: Sequence[str | None], times: Tensor | None) -> None:
        for kind in kinds:
            if kind is None:
                raise InputError("seeds of a heterogeneous graph need a type")
            if kind not in self.num_nodes:
                known = ", ".join(self.num_nodes)
                raise InputError(f"there are no nodes of type {kind!r}, there are {known}")
        if self.is_temporal and times is None:
            raise InputError("the edges have times, so seeds need them: input_time=")
        if times is not None and not self.is_temporal:
            raise InputError("seeds have times, but the edges have none: time_attr=")


def _check_indexes(
    indexes: Mapping[EdgeType, NeighbourIndex], num_nodes: Mapping[str, int]
) -> None:
    if not indexes:
        raise InputError("the graph has no relation to draw from")
    for edge_type, index in indexes.items():
        src, _, dst = edge_type
        if (num_nodes.get(src), num_nodes.get(dst)) != (index.num_src, index.num_dst):
            raise InputError(
                f"the index of {shown(edge_type)} is of {index.num_src:,} and {index.num_dst:,} "
                f"nodes, but there are {num_nodes.get(src, 0):,} and {num_nodes.get(dst, 0):,}"
            )
    if len({index.device for index in indexes.values()}) > 1:
        raise InputError("the indexes must all be on one device")


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        hint = nearest(value, choices) or f", there are {', '.join(choices)}"
        raise InputError(f"there is no {name} {value!r}{hint}")
