"""The floor that is hard to beat: what people with a similar history used."""

from copy import copy
from typing import Self

import numpy as np

from kg.vocab import IntArray
from training.baselines.base import FloatArray, Task
from training.baselines.matrices import (
    Sparse,
    histories,
    inverse_frequency,
    normalise_rows,
    own_mask,
    scale_columns,
    take_columns,
    top_of_rows,
    user_blocks,
)

MAX_PAIRS = 30_000_000  # of (profile item, scored item): 8 bytes each when they are kept


class UserKNN:
    r"""Cosine between user profiles, times the neighbours' interactions.

    $$s(u, i) = \sum_v \cos(p_u, p_v)\, x_{vi}, \qquad p_u = x_u \odot \mathrm{idf}^a$$

    For cold users (`user-cold`) profiles $p$ are made of source items alone and the sum runs over
    the users who still have target edges: everybody else adds zero. In the other protocols profiles
    are made of the items of all domains together and the sum includes the user.

    Args:
        task: what may be learned from.
        carry: sparse `[num_items, num_items]`; replaces $x_v$ by $x_v C$, so that interactions with
            one item count for others (`training.baselines.bridge`). None: the identity.
        k: only the `k` most similar users who have target edges count; 0 for all.
        idf: $a$, how much less an item says that many have.
        name: as shown in reports.
    """

    def __init__(
        self,
        task: Task,
        *,
        carry: Sparse | None = None,
        k: int = 0,
        idf: float = 1.0,
        name: str = "user-kNN",
    ) -> None:
        self.name = name
        split = task.split
        profile = histories(split, own_mask(split))
        self._weights = inverse_frequency(profile) ** np.float32(idf)
        self._profile = normalise_rows(scale_columns(profile, self._weights))
        self._asked = self._profile
        used = histories(split, split.train.item_mask(split.target))
        self._used = used if carry is None else used @ carry
        self._lent = None if carry is None else used
        self._k = k
        # The sum over users v is one matrix, profile item x scored item, that serves every user;
        # where it would be large, similarities are made for one block of users at a time instead.
        pairs = np.dot(np.diff(self._profile.indptr), np.diff(self._used.indptr).astype(np.float64))
        whole = pairs <= MAX_PAIRS and not k
        self._by_item = self._profile.T.tocsr() @ self._used if whole else None
        if self._by_item is None:
            self._lenders = np.flatnonzero(np.diff(self._used.indptr))
            self._everybody = self._profile[self._lenders].T.tocsr()

    def asked_by(self, history: Sparse) -> Self:
        """Return the same for others, who are nobody's neighbours.

        Args:
            history: what they used of what profiles are made of, 0/1 CSR `[num_others, num_items]`.
        """
        asked = copy(self)
        asked._asked = normalise_rows(scale_columns(history, self._weights))
        return asked

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`."""
        scores = np.empty((len(users), len(items)), dtype=np.float32)
        columns = self.columns(items)
        others = 0 if self._by_item is not None else self._profile.shape[0]
        for block in user_blocks(len(users), 12 * (len(items) + others)):
            scores[block] = self.sparse(users[block], columns).toarray()
        return scores

    def columns(self, items: IntArray) -> Sparse:
        """Return what `sparse` needs of items."""
        if self._by_item is not None:
            return take_columns(self._by_item, items)
        return take_columns(self._used, items)[self._lenders]

    def carried(self, carry: Sparse) -> Sparse:
        """Return what items need that nobody used: nothing, or what they are carried from.

        Args:
            carry: what they take from others, CSR `[num_items, num_new]`.
        """
        from scipy.sparse import csr_array

        if self._lent is None:
            used = csr_array((self._used.shape[0], carry.shape[1]), dtype=np.float32)
        else:
            used = self._lent @ carry
        return used[self._lenders] if self._by_item is None else self._profile.T.tocsr() @ used

    def sparse(self, users: IntArray, columns: Sparse) -> Sparse:
        """Return scores as CSR `[len(users), num_columns]`."""
        if self._by_item is not None:
            return self._asked[users] @ columns
        similarity = self._asked[users] @ self._everybody
        if self._k:
            similarity = top_of_rows(similarity, self._k)
        return similarity @ columns
