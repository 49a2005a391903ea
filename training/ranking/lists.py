"""What the second stage learns from: signals of what is hidden, and of what stands before it."""

from collections.abc import Iterator, Mapping

import numpy as np

from gnn.ranker import MOST_POSITIVES, Ranked, Ranker
from kg.vocab import IntArray
from training.evaluation.split import HeldOut, Split
from training.ranking.signals import Signals

BLOCK_BYTES = 134_217_728  # of signals held at once
HARD, FIRST, RANDOM = 200, 20, 100  # of a list: the best by the prior, by each signal, and others


def lists_of(
    signals: Signals, split: Split, start: Ranker, rng: np.random.Generator
) -> Iterator[Ranked]:
    """Yield one list for each user whose interactions the split hides.

    Args:
        signals: of the world in which they are hidden.
        split: from `rehearse`.
        start: chooses which candidates are hard, beside the signals themselves.
        rng: which others are kept, each standing for many.
    """
    held_out: HeldOut = split.valid
    users, starts = np.unique(held_out.users, return_index=True)
    hidden = np.split(np.searchsorted(held_out.candidates, held_out.items), starts[1:])
    seen = _seen(split, users, held_out.candidates)
    size = max(1, BLOCK_BYTES // (4 * max(1, len(held_out.candidates)) * len(start.names)))
    for first in range(0, len(users), size):
        block = slice(first, first + size)
        found = signals(users[block], held_out.candidates)
        scores = start.score(found)
        for at, (items, known) in enumerate(zip(hidden[block], seen[block], strict=True)):
            if len(items) > MOST_POSITIVES:
                drawn = rng.choice(items, MOST_POSITIVES, replace=False)
                # those that do not fit are no candidates: they would be taught as wrong answers
                known, items = np.concatenate([known, np.setdiff1d(items, drawn)]), drawn
            each = {name: rows[at] for name, rows in found.items()}
            hard = np.setdiff1d(_hard(scores[at], each, known), items)
            rows, stands_for = _choose(len(scores[at]), items, hard, known, rng)
            columns = [
                found[name][at, rows] if name in found else np.zeros(len(rows), np.float32)
                for name in start.names
            ]
            yield Ranked(np.stack(columns, axis=1), len(items), stands_for)


def _hard(scores: np.ndarray, signals: Mapping[str, np.ndarray], known: IntArray) -> IntArray:
    """Return columns of the best candidates by the prior, and of the best by each signal.

    What only one signal praises is not among the first of the prior: were it left out, weights that
    put it on top of everything would cost nothing here and everything later.
    """
    best = [_first(scores, known, HARD)]
    for values in signals.values():
        columns = _first(values, known, FIRST)
        best.append(columns[values[columns] > values.mean()])  # where it says nothing: none
    return np.unique(np.concatenate(best))


def _first(values: np.ndarray, known: IntArray, most: int) -> IntArray:
    left = -values
    left[known] = np.inf
    return np.setdiff1d(np.argpartition(left, min(most, len(left) - 1))[:most], known)


def _choose(
    number: int, hidden: IntArray, hard: IntArray, known: IntArray, rng: np.random.Generator
) -> tuple[IntArray, np.ndarray]:
    """Return columns of a list, hidden ones first, and how many candidates each stands for."""
    others = np.setdiff1d(np.arange(number), np.concatenate([hidden, hard, known]))
    drawn = others
    if len(others) > RANDOM:
        drawn = rng.choice(others, RANDOM, replace=False)
    share = len(others) / max(len(drawn), 1)
    stands_for = np.concatenate([np.ones(len(hidden) + len(hard)), np.full(len(drawn), share)])
    return np.concatenate([hidden, hard, drawn]), stands_for.astype(np.float32)


def _seen(split: Split, users: IntArray, candidates: IntArray) -> list[IntArray]:
    """Return, for each user, which candidates training already has of them."""
    edges = split.train.interaction_edges
    place = np.full(len(split.train.items), -1)
    place[candidates] = np.arange(len(candidates))
    kept = (place[edges.dst] >= 0) & np.isin(edges.src, users)
    order = np.argsort(edges.src[kept], kind="stable")
    of, columns = edges.src[kept][order], place[edges.dst[kept]][order]
    ends = np.searchsorted(of, users, side="right")
    starts = np.searchsorted(of, users, side="left")
    return [columns[start:end] for start, end in zip(starts, ends, strict=True)]
