"""Interactions and relations as sparse matrices, and what is drawn from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from encoders.base import FloatArray
from kg.graph import BoolArray, KnowledgeGraph
from kg.vocab import IntArray

BLOCK = 1_024  # items whose similarities to all others are held at once


@dataclass(frozen=True, kw_only=True, eq=False)
class Relation:
    """A relation whose two ends have texts.

    Attributes:
        heads: texts of the source type.
        tails: texts of the destination type.
        codes: equal where texts of tails are equal, int64 `[num_tails]`.
        matrix: its edges, `[num_heads, num_tails]`.
    """

    heads: Sequence[str]
    tails: Sequence[str]
    codes: IntArray
    matrix: sparse.csr_matrix


def interaction_matrix(graph: KnowledgeGraph, usable: BoolArray) -> sparse.csr_matrix:
    """Return which users have which items, `[num_users, num_items]`, of `usable` items only."""
    edges = graph.interaction_edges
    rows = usable[edges.dst]
    return _ones(edges.src[rows], edges.dst[rows], (len(graph.users), len(graph.items)))


def usable_items(texts: Sequence[str], held_out: IntArray) -> BoolArray:
    """Return which items have a text and are not held out, bool `[num_items]`."""
    usable: BoolArray = np.array([bool(text) for text in texts], dtype=np.bool_)
    usable[held_out] = False
    return usable


def relations_of(graph: KnowledgeGraph, texts: Mapping[str, Sequence[str]]) -> list[Relation]:
    """Return every relation between nodes with texts, but for those of users.

    What links a user to anything may be an interaction under another name.
    """
    found = []
    for (source, _, target), edges in graph.edges.items():
        if graph.user_type in (source, target) or source not in texts or target not in texts:
            continue
        heads, tails = texts[source], texts[target]
        both = np.array([bool(text) for text in heads], dtype=np.bool_)[edges.src]
        both &= np.array([bool(text) for text in tails], dtype=np.bool_)[edges.dst]
        matrix = _ones(edges.src[both], edges.dst[both], (len(heads), len(tails)))
        if matrix.nnz:
            found.append(Relation(heads=heads, tails=tails, codes=codes_of(tails), matrix=matrix))
    return found


def codes_of(texts: Sequence[str]) -> IntArray:
    """Return a number for each text, the same for equal texts."""
    known: dict[str, int] = {}
    return np.array([known.setdefault(text, len(known)) for text in texts], dtype=np.int64)


def counts_by_domain(matrix: sparse.csr_matrix, domain: IntArray, num_domains: int) -> IntArray:
    """Return how many items of each domain a user has, int64 `[num_users, num_domains]`."""
    member = _ones(np.arange(len(domain)), domain, (len(domain), num_domains))
    counts: IntArray = (matrix @ member).toarray().astype(np.int64)
    return counts


def log_shares(matrix: sparse.csr_matrix, weights: FloatArray) -> FloatArray:
    """Return the log of how often an item is drawn, float32 `[num_items]`; 0 of items never drawn.

    A user is drawn uniformly, then one of the user's items by `weights`.
    """
    weighted = matrix.multiply(weights[None, :]).tocsr()
    totals = np.asarray(weighted.sum(axis=1)).ravel()
    per_user = np.divide(1, totals, out=np.zeros_like(totals), where=totals > 0)
    mass = weighted.T @ per_user
    shares = mass / max(mass.sum(), 1e-12)
    return np.log(np.where(shares > 0, shares, 1)).astype(np.float32)


def unit_rows(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the rows at length 1; an empty row stays empty."""
    squares = np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel()
    scale = np.divide(1, np.sqrt(squares), out=np.zeros_like(squares), where=squares > 0)
    return (sparse.diags(scale) @ matrix).tocsr()


def collaborative_neighbours(items: sparse.csr_matrix, k: int) -> sparse.csr_matrix:
    """Return the pairs of items that are among each other's nearest by users in common.

    Args:
        items: which users have an item, `[num_items, num_users]`.
        k: neighbours looked at, by cosine; of equal cosine the lowest rows.

    Returns:
        Cosines, symmetric, `[num_items, num_items]`. Items of a single user are nobody's
        neighbours: one user says too little of them.
    """
    enough = np.diff(items.indptr) > 1
    unit = unit_rows(sparse.diags(enough.astype(np.float64)) @ items)
    rows, columns, values = [], [], []
    for start in range(0, unit.shape[0], BLOCK):
        block = (unit[start : start + BLOCK] @ unit.T).tocsr()
        for row in range(block.shape[0]):
            found = slice(block.indptr[row], block.indptr[row + 1])
            others = block.indices[found] != start + row
            near, cosines = block.indices[found][others], block.data[found][others]
            best = np.lexsort((near, -cosines))[:k]
            rows.append(np.full(len(best), start + row))
            columns.append(near[best])
            values.append(cosines[best])
    size = (unit.shape[0],) * 2
    table = sparse.csr_matrix(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=size
    )
    return table.minimum(table.T).tocsr()


def some(rows: IntArray, count: int, rng: np.random.Generator) -> IntArray:
    """Return `count` of `rows`, none twice; all of them, shuffled, where there are fewer."""
    return rng.choice(rows, min(count, len(rows)), replace=False) if len(rows) else rows


def _ones(rows: IntArray, columns: IntArray, shape: tuple[int, int]) -> sparse.csr_matrix:
    matrix = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix
