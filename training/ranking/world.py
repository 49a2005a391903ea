"""One state of knowledge: what the signals of the second stage may be made of."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from kg.graph import BoolArray
from kg.vocab import IntArray
from training.baselines.base import FloatArray
from training.baselines.bridge import carry_matrix
from training.baselines.matrices import (
    Sparse,
    histories,
    history_mask,
    inverse_frequency,
    normalise_rows,
    scale_columns,
    source_mask,
)
from training.evaluation.split import Split

if TYPE_CHECKING:  # a bundle makes worlds
    from training.bundle import EmbeddingScorer


@dataclass(frozen=True, eq=False, kw_only=True)
class World:
    """A split, with what encoder and network know in it. Only `split.train` is read.

    Attributes:
        split: whose `train` may be learned from.
        text: L2-normalised text vectors of the items, float32 `[num_items, dim]`; zero without.
        channel: the same as the network takes them (whitened), L2-normalised.
        near: items nearest in text among those with interactions, int64 `[num_items, k]`, best
            first, -1 where there are fewer.
        similarity: of these, float32 `[num_items, k]`.
        network: the first stage.
    """

    split: Split
    text: FloatArray
    channel: FloatArray
    near: IntArray
    similarity: FloatArray
    network: "EmbeddingScorer"

    @cached_property
    def all_history(self) -> Sparse:
        """Interactions with every domain that takes part, 0/1 CSR `[num_users, num_items]`."""
        return histories(self.split, history_mask(self.split))

    @cached_property
    def target_history(self) -> Sparse:
        """Interactions in the target, 0/1 CSR `[num_users, num_items]`."""
        return histories(self.split, self.split.train.item_mask(self.split.target))

    @cached_property
    def profile(self) -> Sparse:
        """What a user is compared by: the source alone for cold users; rare items count more.

        Users who kept a few target interactions are compared by these too.
        """
        return normalise_rows(scale_columns(self._compared, self.rarity))

    @cached_property
    def rarity(self) -> FloatArray:
        """How much each item counts in `profile`, float32 `[num_items]`."""
        return inverse_frequency(self._compared)

    @cached_property
    def _compared(self) -> Sparse:
        if self.split.protocol == "user-cold" and not self.split.shots:
            return histories(self.split, source_mask(self.split))
        return self.all_history

    @cached_property
    def popularity(self) -> FloatArray:
        """Training interactions of each item, float32 `[num_items]`."""
        edges = self.split.train.interaction_edges
        counts = np.bincount(edges.dst, minlength=len(self.split.train.items))
        return counts.astype(np.float32)

    @cached_property
    def warm(self) -> BoolArray:
        """Items with an interaction, bool `[num_items]`."""
        return np.asarray(self.popularity > 0)

    @cached_property
    def carry(self) -> Sparse:
        """What each item takes from warm items: itself, or its text neighbours where it is cold.

        CSR `[num_items, num_items]`; a column sums to one, or is empty where nothing is near.
        """
        return self.carried(self.similarity)

    def carried(self, similarity: FloatArray) -> Sparse:
        """Return `carry` with other similarities, of the shape of `near`."""
        warm, cold = np.flatnonzero(self.warm), np.flatnonzero(~self.warm)
        near = self.near[cold]
        there = np.where((near >= 0) & self.warm[near], similarity[cold], 0)
        return carry_matrix(warm, cold, near, there, shape=(len(self.near), len(self.near)))
