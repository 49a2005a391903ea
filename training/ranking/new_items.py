"""Items that nothing was learned from, as signals are asked of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kg.graph import BoolArray, EdgeType
from kg.vocab import IntArray
from training.baselines.base import FloatArray
from training.baselines.bridge import carry_matrix, nearness
from training.baselines.matrices import Sparse

FEW = 8  # nearest neighbours of the narrow bridge


@dataclass(frozen=True, kw_only=True, eq=False)
class NewItems:
    """What is known of them; they change nothing in the world that they come to.

    None has a column in what was learned from interactions, so that all of them take theirs from
    their neighbours in text, as cold items do.

    Attributes:
        num_items: how many items the world has.
        z: embeddings, float32 `[num_new, width]`.
        text: L2-normalised text vectors, float32 `[num_new, dim]`; zero without.
        channel: the same as the network takes them, L2-normalised.
        domains: bool `[num_new, num_domains]`.
        near: the world's items nearest in text among those with interactions, int64 `[num_new, k]`,
            best first, -1 where there are fewer.
        similarity: of these, float32 `[num_new, k]`.
        joined: by edge type, the nodes at the other ends of their edges, among those that were
            there; 0/1 CSR `[num_new, num_nodes]`.
    """

    num_items: int
    z: FloatArray
    text: FloatArray
    channel: FloatArray
    domains: BoolArray
    near: IntArray
    similarity: FloatArray
    joined: Mapping[EdgeType, Sparse]

    def __len__(self) -> int:
        return len(self.z)

    @cached_property
    def carry(self) -> Sparse:
        """What each takes from warm items, CSR `[num_items, num_new]` (`World.carry`)."""
        return self._carried(self.near.shape[1])

    @cached_property
    def narrow(self) -> Sparse:
        """The same over the few nearest alone."""
        return self._carried(FEW)

    @cached_property
    def nearness(self) -> Sparse:
        """similarity^4 of the neighbours, CSR `[num_items, num_new]`, not normalised."""
        return nearness(self.near, self.similarity, self.num_items)

    @property
    def share(self) -> FloatArray:
        """The share that each has in domains, zero without a text, `[num_new, num_domains]`."""
        inside = self.domains & (self.text != 0).any(axis=1)[:, None]
        share = inside / np.maximum(inside.sum(axis=1, keepdims=True), 1)
        return np.asarray(share, dtype=np.float32)

    def _carried(self, k: int) -> Sparse:
        near = self.near[:, :k]
        there = np.where(near >= 0, self.similarity[:, :k], 0)
        nobody, all_of_them = np.zeros(0, dtype=np.int64), np.arange(len(self))
        shape = (self.num_items, len(self))
        return carry_matrix(nobody, all_of_them, near, there, shape=shape)
