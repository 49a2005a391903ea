"""What contrastive tuning is judged by: items that tuning never met, found from users' others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from encoders.base import FloatArray
from encoders.project import Projection
from encoders.tuning.interactions import interaction_matrix, some, usable_items
from kg.errors import InputError
from kg.graph import BoolArray, KnowledgeGraph
from kg.vocab import IntArray

K = 10
MAX_ITEMS = 500  # held out; more would cost more than the steps between two looks
MAX_USERS = 500
HISTORY = 8  # items of a user that are read
WHITEN = 0.5  # as channels are
SHARPNESS = 4  # a near item says more than many that are far


@dataclass(frozen=True, kw_only=True, eq=False)
class Questions:
    """Users whose held-out items are to be found among all held-out items of the domain.

    Attributes:
        texts: of everything that is read.
        histories: rows of texts, each user's.
        candidates: rows of texts, each user's.
        hits: which candidates a user has, for each.
    """

    texts: list[str]
    histories: list[IntArray]
    candidates: list[IntArray]
    hits: list[BoolArray]


def hold_out_items(
    graph: KnowledgeGraph, texts: Sequence[str], share: float, rng: np.random.Generator
) -> IntArray:
    """Return sorted rows of items with interactions that tuning is not to see."""
    matrix = interaction_matrix(graph, usable_items(texts, np.zeros(0, dtype=np.int64)))
    items = np.unique(matrix.indices).astype(np.int64)
    return np.sort(some(items, min(MAX_ITEMS, max(2, round(share * len(items)))), rng))


def make_questions(
    graph: KnowledgeGraph, texts: Sequence[str], held_out: IntArray, rng: np.random.Generator
) -> Questions:
    """Return what is asked about the items of `held_out`.

    Raises:
        InputError: nobody has both one of them and another item.
    """
    every = interaction_matrix(graph, usable_items(texts, np.zeros(0, dtype=np.int64)))
    aside = np.zeros(len(graph.items), dtype=np.bool_)
    aside[held_out] = True
    known = every.multiply(~aside[None, :]).tocsr()
    asked = every.multiply(aside[None, :]).tocsr()
    known.eliminate_zeros()
    asked.eliminate_zeros()
    users = np.flatnonzero((np.diff(known.indptr) > 0) & (np.diff(asked.indptr) > 0))
    place: dict[int, int] = {}
    histories, candidates, hits = [], [], []

    def rows(items: IntArray) -> IntArray:
        return np.array([place.setdefault(int(item), len(place)) for item in items])

    for user in np.sort(some(users, MAX_USERS, rng)):
        history = known.indices[known.indptr[user] : known.indptr[user + 1]]
        answers = asked.indices[asked.indptr[user] : asked.indptr[user + 1]]
        for domain in np.flatnonzero(graph.items.domains[answers].any(axis=0)):
            ranked = held_out[graph.items.domains[held_out, domain]]
            hit = np.isin(ranked, answers)
            if not hit.all():
                histories.append(rows(some(history, HISTORY, rng)))
                candidates.append(rows(ranked))
                hits.append(hit)
    if not hits:
        raise InputError("too few interactions to tune on: nobody has an item to be found by")
    return Questions(
        texts=[texts[item] for item in place], histories=histories, candidates=candidates, hits=hits
    )


def retrieval(questions: Questions, encode: Callable[[Sequence[str]], FloatArray]) -> float:
    """Return the mean NDCG@10 of finding held-out items by their texts.

    A candidate's score is the sum over the user's history of the fourth power of the cosine, of
    half whitened vectors, as a cold item is found by the graph network. Ties rank at the middle.
    """
    vectors = encode(questions.texts)
    vectors = Projection.fit(vectors, np.arange(len(vectors)), whiten=WHITEN).apply(vectors)
    values = []
    for history, candidates, hits in zip(
        questions.histories, questions.candidates, questions.hits, strict=True
    ):
        cosines = vectors[candidates] @ vectors[history].T
        values.append(ndcg((np.maximum(cosines, 0) ** SHARPNESS).sum(axis=1), hits))
    return float(np.mean(values))


def ndcg(scores: FloatArray, hits: BoolArray, k: int = K) -> float:
    """Return NDCG@k of one user, `scores` and `hits` `[num_candidates]`."""
    found = scores[hits][:, None]
    ranks = 1 + (scores > found).sum(axis=1) + ((scores == found).sum(axis=1) - 1) / 2
    gain = (1 / np.log2(1 + ranks))[ranks <= k].sum()
    ideal = (1 / np.log2(2 + np.arange(min(k, hits.sum())))).sum()
    return float(gain / ideal)
