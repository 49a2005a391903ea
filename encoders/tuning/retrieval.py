"""What contrastive tuning is judged by: items that tuning never met, found by their texts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from encoders.base import FloatArray
from encoders.channels.project import Projection
from encoders.tuning.interactions import interaction_matrix, some, usable_items
from kg.errors import InputError
from kg.graph import BoolArray, KnowledgeGraph
from kg.vocab import IntArray

K = 10
MAX_ITEMS = 500  # held out; more would cost more than the steps between two looks
MAX_LENDERS = 3_000  # of a domain, that held-out items may be near to
MAX_USERS = 1_000
NEAR = 30  # lenders of an item
WHITEN = 0.5  # as channels are
SHARPNESS = 4  # a near item says more than many that are far


@dataclass(frozen=True, kw_only=True, eq=False)
class Question:
    """Users of a domain, whose held-out items are to be found among all held-out ones.

    Attributes:
        candidates: rows of texts, the held-out items.
        lenders: rows of texts, items with interactions that a candidate may be near to.
        liking: how much each user would like each lender, by interactions alone, float32
            `[num_users, num_lenders]`.
        hits: which candidates a user has, bool `[num_users, num_candidates]`.
    """

    candidates: IntArray
    lenders: IntArray
    liking: FloatArray
    hits: BoolArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Questions:
    """What is asked, one question for each domain.

    Attributes:
        texts: of everything that is read.
        domains: the questions.
    """

    texts: list[str]
    domains: list[Question]


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

    A user likes an item as far as users like it who have what the user has (Sarwar et al. 2001,
    degrees normalised as in LightGCN).

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
    able = np.flatnonzero((np.diff(known.indptr) > 0) & (np.diff(asked.indptr) > 0))
    users = np.sort(some(able, MAX_USERS, rng))
    normalised = _normalised(known)
    alike = normalised[users] @ normalised.T
    warm = np.unique(known.indices)
    place: dict[int, int] = {}
    questions = []
    for member in graph.items.domains.T:
        candidates = held_out[member[held_out]]
        lenders = np.sort(some(warm[member[warm]], MAX_LENDERS, rng))
        hits = asked[users][:, candidates].toarray() > 0
        fair = hits.any(axis=1) & ~hits.all(axis=1)
        if len(lenders) and fair.any():
            questions.append(
                Question(
                    candidates=np.array([place.setdefault(int(i), len(place)) for i in candidates]),
                    lenders=np.array([place.setdefault(int(i), len(place)) for i in lenders]),
                    liking=(alike[fair] @ normalised[:, lenders]).toarray().astype(np.float32),
                    hits=hits[fair],
                )
            )
    if not questions:
        raise InputError("too few interactions to tune on: nobody has an item to be found by")
    return Questions(texts=[texts[item] for item in place], domains=questions)


def retrieval(questions: Questions, encode: Callable[[Sequence[str]], FloatArray]) -> float:
    """Return the mean NDCG@10 of finding held-out items by their texts.

    As a cold item is found by the graph network: users like it as they like the items nearest to
    it in half whitened text, weighed by the fourth power of the cosine. Ties rank at the middle.
    """
    vectors = encode(questions.texts)
    vectors = Projection.fit(vectors, np.arange(len(vectors)), whiten=WHITEN).apply(vectors)
    values = []
    for question in questions.domains:
        cosines = np.maximum(vectors[question.candidates] @ vectors[question.lenders].T, 0)
        if cosines.shape[1] > NEAR:
            last = np.partition(cosines, -NEAR, axis=1)[:, -NEAR]
            cosines = np.where(cosines >= last[:, None], cosines, 0)
        weights = cosines**SHARPNESS
        weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
        scores = question.liking @ weights.T
        values += [ndcg(*pair) for pair in zip(scores, question.hits, strict=True)]
    return float(np.mean(values))


def _normalised(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the matrix over the square roots of its degrees on both sides."""
    users = np.maximum(np.asarray(matrix.sum(axis=1)).ravel(), 1)
    items = np.maximum(np.asarray(matrix.sum(axis=0)).ravel(), 1)
    return (sparse.diags(users**-0.5) @ matrix @ sparse.diags(items**-0.5)).tocsr()


def ndcg(scores: FloatArray, hits: BoolArray, k: int = K) -> float:
    """Return NDCG@k of one user, `scores` and `hits` `[num_candidates]`."""
    found = scores[hits][:, None]
    ranks = 1 + (scores > found).sum(axis=1) + ((scores == found).sum(axis=1) - 1) / 2
    gain = (1 / np.log2(1 + ranks))[ranks <= k].sum()
    ideal = (1 / np.log2(2 + np.arange(min(k, hits.sum())))).sum()
    return float(gain / ideal)
