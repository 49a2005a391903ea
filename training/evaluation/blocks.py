"""All candidates scored for some users, in blocks that stay under a number of bytes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from kg.errors import InputError
from kg.pairs import members
from kg.vocab import IntArray
from training.baselines.base import FloatArray, Scorer
from training.evaluation.split import Split

# of scores and temporaries, for each user and candidate: six float32 arrays in the scorer; or its
# scores (4), those of a part negated (4), a copy of them (4), masks and counts
BYTES_PER_SCORE = 24
CACHED_SCORES = 1 << 19  # of a part: what is done to them finds them in a processor's cache


@dataclass(frozen=True, eq=False)
class Block:
    """Scores of some users.

    Attributes:
        first: number of the first user.
        last: one more than that of the last.
        negated: scores times -1, so that ascending order is best first, NaN where the user has the
            item in training or the pair is left out of the ranking; float32
            `[last - first, num_candidates]`, in memory that the next block takes over.
    """

    first: int
    last: int
    negated: FloatArray


def score_blocks(
    scorer: Scorer, split: Split, users: IntArray, candidates: IntArray, *, block_bytes: int
) -> Iterator[Block]:
    """Score all candidates for sorted users, many at a time, and yield them a few at a time.

    A matrix product is quick with many users; all that comes after it is quick where the scores of
    few are still in the cache. Nothing of a block is left when the next comes.

    Not ranked are the user's training items, and held-out interactions of the user that are rows
    of no part (`Split.unranked`): those are neither right nor wrong.

    Raises:
        InputError: a score is NaN, or the scores have the wrong shape.
    """
    score = _scores_of(scorer, candidates)
    seen = _seen(split, users, candidates)
    width = max(1, len(candidates))
    size = min(max(1, block_bytes // (width * BYTES_PER_SCORE)), max(1, len(users)))
    part = min(max(1, CACHED_SCORES // width), size)
    room = np.empty((part, len(candidates)), dtype=np.float32)
    for first in range(0, len(users), size):
        of_block = users[first : first + size]
        scores = score(of_block)
        if scores.shape != (len(of_block), len(candidates)):
            raise InputError(
                f"scorer {scorer.name!r} gave scores of shape {scores.shape}, "
                f"expected {(len(of_block), len(candidates))}"
            )
        for start in range(0, len(of_block), part):
            stop = min(start + part, len(of_block))
            negated = np.negative(scores[start:stop], out=room[: stop - start])
            wrong = np.flatnonzero(np.isnan(negated.min(axis=1, initial=np.inf)))
            if len(wrong):
                user = split.train.users.vocab.id(int(of_block[start + wrong[0]]))
                raise InputError(f"scorer {scorer.name!r} gave NaN scores for user {user!r}")
            pointers = seen.indptr[first + start : first + stop + 1]
            row = np.repeat(np.arange(stop - start), np.diff(pointers))
            negated[row, seen.indices[pointers[0] : pointers[-1]]] = np.nan
            yield Block(first + start, first + stop, negated)
        del scores  # before the next block is scored, or two would be held


def _scores_of(scorer: Scorer, candidates: IntArray) -> Callable[[IntArray], FloatArray]:
    among: Callable[[IntArray], Callable[[IntArray], FloatArray]] | None
    among = getattr(scorer, "among", None)
    return (lambda users: scorer.score(users, candidates)) if among is None else among(candidates)


def _seen(split: Split, users: IntArray, candidates: IntArray) -> sparse.csr_array:
    """Return the pairs that are not ranked, bool `[num_users, num_candidates]`."""
    edges = split.train.interaction_edges
    pairs = []
    for src, dst in ((edges.src, edges.dst), split.unranked):
        keep = np.flatnonzero(members(users, src) & members(candidates, dst))
        pairs.append((np.searchsorted(users, src[keep]), np.searchsorted(candidates, dst[keep])))
    rows, columns = np.concatenate(pairs, axis=1)
    values = np.ones(len(rows), dtype=np.bool_)
    return sparse.csr_array((values, (rows, columns)), shape=(len(users), len(candidates)))
