"""Text neighbours in a graph that has grown: lists that were found are kept, and filled up."""

from dataclasses import dataclass, replace

import numpy as np

from encoders.base import FloatArray
from encoders.neighbours.edges import Neighbours, TextEdgeConfig
from encoders.neighbours.exact import STEPS
from encoders.neighbours.space import TextSpace
from encoders.texts.templates import TextConfig
from encoders.texts.verbalize import node_texts
from gnn.data import NEAR, NEAR_ACROSS
from kg.graph import BoolArray, KnowledgeGraph
from kg.vocab import IntArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """Neighbours that were found in the graph before, in rows of the one after.

    Attributes:
        near: of every item, none of new ones.
        new: items that were not there, bool `[num_items]`.
        warm: items that could be neighbours then, bool `[num_items]`.
    """

    near: Neighbours
    new: BoolArray
    warm: BoolArray

    @classmethod
    def of(cls, near: Neighbours, warm: IntArray, rows: IntArray, size: int) -> "Found":
        """Return lists of the graph before in rows of the one after.

        Args:
            near: in rows of before.
            warm: items that could be neighbours, rows of before.
            rows: where the items of before are after.
            size: how many items there are after.
        """
        moved = np.full((size, near.rows.shape[1]), -1, dtype=np.int64)
        similarity = np.zeros(moved.shape, dtype=np.float32)
        moved[rows] = np.where(near.rows >= 0, rows[near.rows], -1)
        similarity[rows] = near.similarity
        new: BoolArray = np.ones(size, dtype=np.bool_)
        new[rows] = False
        could: BoolArray = np.zeros(size, dtype=np.bool_)
        could[rows[warm]] = True
        return cls(near=Neighbours(rows=moved, similarity=similarity), new=new, warm=could)


def grow_neighbours(
    train: KnowledgeGraph,
    vectors: FloatArray | None,
    config: TextEdgeConfig,
    texts: TextConfig,
    *,
    learned: BoolArray,
    found: Found | None,
) -> dict[str, Neighbours]:
    """Return the items nearest to each item in text, by relation, as `text_neighbours` does.

    Words weigh what they weighed in training. With `found`, new items look at all that may be
    neighbours, and the others at those alone that may be since then: what they found stays unless
    these are nearer. That is the same as a search of all, and takes the share of it that is new.

    Args:
        train: the training part of a split of the larger graph.
        vectors: text channel of the items, as the network takes it.
        config: how many, and how near.
        texts: what the words of an item are.
        learned: items that words are weighed by, bool `[num_items]`.
        found: in the graph before; None to search everything.
    """
    if vectors is None or not (config.k or config.across):
        return {}
    new = np.zeros_like(learned) if found is None else found.new
    order = np.argsort(np.where(learned, 0, np.where(new, 2, 1)), kind="stable")
    words = np.array(node_texts(train, train.item_type, texts), dtype=object)[order]
    space = TextSpace(
        vectors[order][: learned.sum()],
        words[: learned.sum()].tolist() if config.lexical else None,
        config,
    )
    if not learned.all():
        space = space.with_more(vectors[order][learned.sum() :], words[learned.sum() :].tolist())
    domains = train.items.domains[order]
    warm = np.zeros(len(order), dtype=np.bool_)
    warm[train.interaction_edges.dst] = True
    results = {}
    if config.across:
        results[NEAR_ACROSS] = _unordered(space.across(domains, warm[order]), order)
    if not config.k:
        return results
    if found is None or config.reciprocal:  # whom others choose changes with them
        return {NEAR: _unordered(space.within(domains, warm[order]), order), **results}
    own = space.within(domains, warm[order], asking=len(order) - int(new.sum()))
    late = space.within(domains, (warm & ~found.warm)[order])
    near = _best(found.near, _unordered(late, order))
    of_new = _unordered(own, order)
    near.rows[new], near.similarity[new] = of_new.rows[new], of_new.similarity[new]
    return {NEAR: near, **results}


def _unordered(near: Neighbours, order: IntArray) -> Neighbours:
    """Return lists of items in another order, in the rows that they have."""
    rows, similarity = np.empty_like(near.rows), np.empty_like(near.similarity)
    rows[order] = np.where(near.rows >= 0, order[near.rows], -1)
    similarity[order] = near.similarity
    return replace(near, rows=rows, similarity=similarity)


def _best(one: Neighbours, other: Neighbours) -> Neighbours:
    """Return the nearest of both lists of each item, no item of which is in both."""
    k = one.rows.shape[1]
    rows = np.concatenate([one.rows, other.rows], axis=1)
    similarity = np.concatenate([one.similarity, other.similarity], axis=1)
    first = np.argsort(-np.round(similarity * STEPS), axis=1, kind="stable")[:, :k]
    return Neighbours(
        rows=np.take_along_axis(rows, first, axis=1),
        similarity=np.take_along_axis(similarity, first, axis=1),
    )
