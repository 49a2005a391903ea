"""The floor that is hard to beat: what people with a similar history used."""

import numpy as np

from kg.vocab import IntArray
from training.baselines.base import FloatArray, Task
from training.baselines.matrices import (
    Sparse,
    histories,
    history_mask,
    inverse_frequency,
    normalise_rows,
    scale_columns,
    source_mask,
    take_columns,
    user_blocks,
)

MAX_PAIRS = 30_000_000  # of (profile item, scored item): 8 bytes each when they are kept


class UserKNN:
    r"""Cosine between user profiles, times the neighbours' interactions; no cut-off on k.

    $$s(u, i) = \sum_v \cos(p_u, p_v)\, x_{vi}, \qquad p_u = x_u \odot \mathrm{idf}$$

    For cold users (`user-cold`) profiles $p$ are made of source items alone and the sum runs over
    the users who still have target edges: everybody else adds zero. In the other protocols profiles
    are made of the items of all domains together and the sum includes the user.

    Args:
        task: what may be learned from.
        carry: sparse `[num_items, num_items]`; replaces $x_v$ by $x_v C$, so that interactions with
            one item count for others (`training.baselines.bridge`). None: the identity.
        name: as shown in reports.
    """

    def __init__(self, task: Task, *, carry: Sparse | None = None, name: str = "user-kNN") -> None:
        self.name = name
        split = task.split
        own = source_mask(split) if split.protocol == "user-cold" else history_mask(split)
        profile = histories(split, own)
        self._profile = normalise_rows(scale_columns(profile, inverse_frequency(profile)))
        used = histories(split, split.train.item_mask(split.target))
        self._used = used if carry is None else used @ carry
        # The sum over users v is one matrix, profile item x scored item, that serves every user;
        # where it would be large, similarities are made for one block of users at a time instead.
        pairs = np.dot(np.diff(self._profile.indptr), np.diff(self._used.indptr).astype(np.float64))
        self._by_item = self._profile.T.tocsr() @ self._used if pairs <= MAX_PAIRS else None

    def score(self, users: IntArray, items: IntArray) -> FloatArray:
        """Return scores `[len(users), len(items)]`."""
        scores = np.empty((len(users), len(items)), dtype=np.float32)
        if self._by_item is not None:
            by_item = take_columns(self._by_item, items)
            for block in user_blocks(len(users), 12 * len(items)):
                scores[block] = (self._profile[users[block]] @ by_item).toarray()
            return scores
        used = take_columns(self._used, items)
        everybody = self._profile.T.tocsr()
        for block in user_blocks(len(users), 12 * (len(items) + self._profile.shape[0])):
            similarity = self._profile[users[block]] @ everybody
            scores[block] = (similarity @ used).toarray()
        return scores
