"""Entries of a long array that are passed over, without copying the array."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Hidden:
    """Some places of an array do not count: places among all, ranks among those that are left.

    Ranks and places grow together, so that what is left of a row is a range of ranks too. Either
    way costs a binary search among what is hidden, and nothing of the size of the array.

    Attributes:
        places: what is hidden, int64 `[num_hidden]`, sorted, each once.
        before: for each of them, how many that are left lie before it, int64, sorted.
    """

    places: Tensor
    before: Tensor

    @classmethod
    def at(cls, places: Tensor) -> "Hidden":
        """Hide places, int64, in any order, perhaps more than once."""
        places = torch.unique(places)
        return cls(places=places, before=places - torch.arange(len(places), device=places.device))

    def to(self, device: torch.device) -> "Hidden":
        """Return the same on `device`."""
        return Hidden(places=self.places.to(device), before=self.before.to(device))

    def ranks(self, places: Tensor) -> Tensor:
        """Return how many that are left lie before each place."""
        return places - torch.searchsorted(self.places, places)

    def has(self, places: Tensor) -> Tensor:
        """Return which places are hidden."""
        upto = torch.searchsorted(self.places, places, right=True)
        return upto > torch.searchsorted(self.places, places)

    def at_ranks(self, ranks: Tensor) -> Tensor:
        """Return the places that are left, by rank: the inverse of `ranks`."""
        return ranks + torch.searchsorted(self.before, ranks, right=True)
