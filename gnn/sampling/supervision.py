"""What a batch of pairs asks for: edges that must not be seen, and pairs to tell them from."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch_geometric.sampler import NegativeSampling

from gnn.names import EdgeType
from gnn.sampling.csr import NeighbourIndex
from gnn.sampling.fan_out import check_known, shown
from kg.errors import InputError

_REVERSE = "rev_"


class Supervision:
    """Takes the edges of a batch out of a graph, in both directions.

    Args:
        indexes: by relation.
        reverse: which relation holds the facts of another in the other direction; None finds those
            that are named `rev_` and the name of the other, as PyG's `ToUndirected` names them.

    Raises:
        InputError: a relation in `reverse` is not there, or does not lead back.
    """

    def __init__(
        self,
        indexes: Mapping[EdgeType, NeighbourIndex],
        reverse: Mapping[EdgeType, EdgeType] | None,
    ) -> None:
        self._indexes, self._reverse = indexes, reverse
        for one, other in (reverse or {}).items():
            check_known(one, indexes)
            check_known(other, indexes)
            if (one[0], one[2]) != (other[2], other[0]):
                raise InputError(
                    f"{shown(other)} is no reverse of {shown(one)}: it leads elsewhere"
                )

    def without(
        self, edge_type: EdgeType, src: Tensor, dst: Tensor
    ) -> dict[EdgeType, NeighbourIndex]:
        """Return the indexes without the edges between pairs, and without their reverses.

        An edge within one node type is its own reverse, too: undirected graphs hold it twice.

        Args:
            edge_type: what the pairs are joined by; nothing is left out if the graph has no such
                relation.
            src: first nodes, int64 `[num_pairs]`.
            dst: second nodes.

        Raises:
            InputError: it is not clear which relation is the reverse.
        """
        less = dict(self._indexes)
        if edge_type not in less:
            return less
        device = less[edge_type].device
        src, dst = src.to(device), dst.to(device)
        there, back = (torch.cat([src, dst]), torch.cat([dst, src]))
        if edge_type[0] == edge_type[2]:
            less[edge_type] = less[edge_type].without_pairs(there, back)
        else:
            less[edge_type] = less[edge_type].without_pairs(src, dst)
        reverse = self._reverse_of(edge_type)
        if reverse is not None:
            less[reverse] = less[reverse].without_pairs(dst, src)
        return less

    def _reverse_of(self, edge_type: EdgeType) -> EdgeType | None:
        src, relation, dst = edge_type
        if self._reverse is not None:
            turned = {other: one for one, other in self._reverse.items()}
            return self._reverse.get(edge_type, turned.get(edge_type))
        for name in (_REVERSE + relation, relation.removeprefix(_REVERSE)):
            if name != relation and (dst, name, src) in self._indexes:
                return dst, name, src
        others = [e for e in self._indexes if (e[0], e[2]) == (dst, src)]
        if src != dst and others:
            raise InputError(
                f"{shown(edge_type)} has no reverse named {_REVERSE}{relation}, but "
                f"{shown(others[0])} leads back: say reverse={{...}}, empty if it is none"
            )
        return None


class SeededNegatives(NegativeSampling):  # type: ignore[misc]
    """Negative sampling of PyG that draws from a generator, not from torch's default one.

    Args:
        like: mode, amount and weights.
        generator: on any device.
    """

    def __init__(self, like: NegativeSampling, generator: torch.Generator) -> None:
        super().__init__(like.mode, like.amount, like.src_weight, like.dst_weight)
        self._generator = generator

    def sample(self, num_samples: int, endpoint: str, num_nodes: int | None = None) -> Tensor:
        """Return nodes, int64 `[num_samples]` on the CPU; arguments as of PyG."""
        weight = self.src_weight if endpoint == "src" else self.dst_weight
        draws, device = self._generator, self._generator.device
        if weight is not None:
            weight = weight.to(device)
            return torch.multinomial(weight, num_samples, replacement=True, generator=draws).cpu()
        assert num_nodes is not None
        return torch.randint(num_nodes, (num_samples,), generator=draws, device=device).cpu()
