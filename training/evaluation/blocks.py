"""All candidates scored for some users, in blocks that stay under a number of bytes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from kg.errors import InputError
from kg.vocab import IntArray
from training.baselines.base import Scorer
from training.evaluation.split import Split

# of scores and temporaries, for each user and candidate: scores negated (4) and sorted (4) with
# masks and, where they tie, one more copy and counts (12); or six float32 arrays in the scorer
BYTES_PER_SCORE = 24


@dataclass(frozen=True, eq=False)
class Block:
    """Scores of some users.

    Attributes:
        first: number of the first user.
        last: one more than that of the last.
        negated: scores times -1, so that ascending order is best first, NaN where the user has the
            item in training or the pair is left out of the ranking; float32
            `[last - first, num_candidates]`, in new memory.
    """

    first: int
    last: int
    negated: npt.NDArray[np.floating]


def score_blocks(
    scorer: Scorer, split: Split, users: IntArray, candidates: IntArray, *, block_bytes: int
) -> Iterator[Block]:
    """Score all candidates for sorted users; a block is gone before the next is scored.

    Not ranked are the user's training items, and held-out interactions of the user that are rows
    of no part (`Split.unranked`): those are neither right nor wrong.

    Raises:
        InputError: a score is NaN, or the scores have the wrong shape.
    """
    seen = _seen(split, users, candidates)
    size = max(1, block_bytes // max(1, len(candidates) * BYTES_PER_SCORE))
    for first in range(0, len(users), size):
        last = min(first + size, len(users))
        negated = _negated_scores(scorer, split, users[first:last], candidates)
        exclude = seen[first:last].tocoo()
        negated[exclude.row, exclude.col] = np.nan
        yield Block(first, last, negated)
        del negated  # before the next block is scored, or two would be held


def _negated_scores(
    scorer: Scorer, split: Split, users: IntArray, candidates: IntArray
) -> npt.NDArray[np.floating]:
    scores = scorer.score(users, candidates)
    expected = (len(users), len(candidates))
    if scores.shape != expected:
        raise InputError(
            f"scorer {scorer.name!r} gave scores of shape {scores.shape}, expected {expected}"
        )
    wrong = np.flatnonzero(np.isnan(scores).any(axis=1))
    if len(wrong):
        user = split.train.users.vocab.id(int(users[wrong[0]]))
        raise InputError(f"scorer {scorer.name!r} gave NaN scores for user {user!r}")
    return np.negative(scores, dtype=np.float32)


def _seen(split: Split, users: IntArray, candidates: IntArray) -> sparse.csr_array:
    """Return the pairs that are not ranked, bool `[num_users, num_candidates]`."""
    edges = split.train.interaction_edges
    src = np.concatenate([edges.src, split.unranked[0]])
    dst = np.concatenate([edges.dst, split.unranked[1]])
    keep = np.isin(src, users) & np.isin(dst, candidates)
    rows = np.searchsorted(users, src[keep])
    columns = np.searchsorted(candidates, dst[keep])
    values = np.ones(len(rows), dtype=np.bool_)
    return sparse.csr_array((values, (rows, columns)), shape=(len(users), len(candidates)))
