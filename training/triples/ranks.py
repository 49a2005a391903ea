"""Filtered ranks of triples, both ways; nothing here knows of models or graphs.

A triple (h, r, t) asks two things: (h, r, ?) and (?, r, t). With R relations the second is written
as (t, r + R, ?), the question of the reciprocal relation, so that every question asks for a tail.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from kg.errors import InputError

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Score = Callable[[IntArray, IntArray], npt.NDArray[np.floating]]
"""Entities and relations, int64 `[num_questions]`, to scores `[num_questions, num_entities]`."""

# of each score: itself (4), a copy in the scorer (4), comparisons (2)
BYTES_PER_SCORE = 12


def both_ways(triples: IntArray, num_relations: int) -> IntArray:
    """Return the questions of triples: those for tails, then those for heads, `[2 n, 3]`."""
    head, relation, tail = triples.T
    reciprocal = np.stack([tail, relation + num_relations, head], axis=1)
    return np.concatenate([triples, reciprocal])


def filtered_ranks(
    score: Score,
    asked: IntArray,
    known: IntArray,
    *,
    num_entities: int,
    num_relations: int,
    block_bytes: int = 268_435_456,
) -> FloatArray:
    """Rank the answer to each question among all entities that are not known to be right.

    Ties rank at the middle: `1 + #greater + #equal others / 2` (Sun et al. 2020 and Berrendorf et
    al. 2020 on why: a constant scorer must get chance).

    Args:
        score: called once for each block of questions; relations from `num_relations` on are
            reciprocal.
        asked: triples (head, relation, tail) as rows, `[num_triples, 3]`.
        known: all triples known to be true, whatever part they are in; their other right answers
            are not ranked.
        num_entities: that are ranked.
        num_relations: without the reciprocal ones.
        block_bytes: bound on scores held at once.

    Returns:
        Ranks for tails, then for heads, float64 `[2, num_triples]`.

    Raises:
        InputError: a score is NaN or there are not as many as entities.
    """
    questions = both_ways(asked, num_relations)
    keys, answers = _answers(both_ways(known, num_relations), num_relations)
    ranks = np.empty(len(questions))
    block = max(1, block_bytes // (BYTES_PER_SCORE * max(1, num_entities)))
    for start in range(0, len(questions), block):
        entity, relation, answer = questions[start : start + block].T
        scores = np.array(score(entity, relation))  # a copy: known answers are struck out in it
        if scores.shape != (len(entity), num_entities):
            raise InputError(f"scores {scores.shape}, expected {(len(entity), num_entities)}")
        if np.isnan(scores).any():
            raise InputError("a score is NaN: lower the learning rate")
        right = scores[np.arange(len(answer)), answer]
        wanted = _key(entity, relation, num_relations)
        low, high = np.searchsorted(keys, wanted), np.searchsorted(keys, wanted, side="right")
        rows = np.repeat(np.arange(len(answer)), high - low)
        offset = np.arange(len(rows)) - np.repeat(np.cumsum(high - low) - (high - low), high - low)
        scores[rows, answers[low[rows] + offset]] = np.nan  # neither greater nor equal
        greater = np.count_nonzero(scores > right[:, None], axis=1)
        scores[np.arange(len(answer)), answer] = np.nan
        equal = np.count_nonzero(scores == right[:, None], axis=1)
        ranks[start : start + block] = 1 + greater + equal / 2
    return ranks.reshape(2, len(asked))


def link_metrics(ranks: FloatArray, ks: tuple[int, ...] = (1, 3, 10)) -> dict[str, float]:
    """Return the means of `1 / rank` and of `rank <= k` over the questions."""
    values = {"MRR": float((1 / ranks).mean())}
    return values | {f"Hits@{k}": float((ranks <= k).mean()) for k in ks}


def _answers(questions: IntArray, num_relations: int) -> tuple[IntArray, IntArray]:
    keys = _key(questions[:, 0], questions[:, 1], num_relations)
    order = np.argsort(keys, kind="stable")
    return keys[order], questions[order, 2]


def _key(entity: IntArray, relation: IntArray, num_relations: int) -> IntArray:
    return np.asarray(entity * (2 * num_relations) + relation)
