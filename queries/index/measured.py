"""How much of the exact answer an index finds, and how much sooner."""

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from kg.graph import FloatArray
from kg.vocab import IntArray
from queries.candidates import top_k
from queries.index.approximate import Approximate

K = 100
SAMPLE = 200  # questions that choose the effort; as many others measure
TRIES = 3  # of which the quickest counts


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured on questions that had no part in the choice of `effort`.

    Attributes:
        recall: share of the exact `k` best that the index finds.
        k: of how many.
        sample: questions.
        milliseconds: processor time of a question with the index.
        exact_milliseconds: processor time of exact search.
        effort: cells that are looked into, or what else the kind counts.
    """

    recall: float
    k: int
    sample: int
    milliseconds: float
    exact_milliseconds: float
    effort: int

    @property
    def times(self) -> float:
        """How many times as quick as exact search."""
        return self.exact_milliseconds / self.milliseconds

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as JSON values."""
        return {name: round(value, 6) for name, value in asdict(self).items()}


def tune(
    index: Approximate, queries: FloatArray, vectors: FloatArray, bias: FloatArray, *, recall: float
) -> tuple[Approximate, Measured]:
    """Spend as little as reaches a recall on half of the questions; measure on the others.

    Args:
        index: with any effort.
        queries: questions as they will be asked, float32 `[num_queries, width]`.
        vectors: float32 `[num_vectors, width]`.
        bias: float32 `[num_vectors]`.
        recall: to reach; where it cannot be reached, the most is spent.
    """
    half = max(1, len(queries) // 2)
    choosing, measuring = queries[:half], queries[half:] if len(queries) > 1 else queries
    allowed = np.zeros(len(vectors), dtype=np.bool_)
    allowed[index.rows] = True
    k = min(K, len(index.rows))
    truth, _ = top_k(choosing, vectors, bias, index.rows, k=k)
    most = index.way.most(index.index)
    for effort in sorted({min(effort, most) for effort in index.way.efforts}):
        index = replace(index, effort=effort)
        found, _ = index.top_k(choosing, vectors, bias, allowed, k=k)
        if recall_of(found, truth) >= recall:
            break
    seconds: list[list[float]] = [[], []]
    exact, found = truth, truth
    for _ in range(TRIES):
        begun = time.process_time()
        exact, _ = top_k(measuring, vectors, bias, index.rows, k=k)
        between = time.process_time()
        found, _ = index.top_k(measuring, vectors, bias, allowed, k=k)
        seconds[0].append(between - begun)
        seconds[1].append(time.process_time() - between)
    each = [1_000 * max(min(tries), 1e-9) / len(measuring) for tries in seconds]
    return index, Measured(
        recall=recall_of(found, exact),
        k=k,
        sample=len(measuring),
        milliseconds=each[1],
        exact_milliseconds=each[0],
        effort=index.effort,
    )


def recall_of(found: IntArray, exact: IntArray) -> float:
    """Return the share of exact answers that were found; rows are questions."""
    owner = np.arange(len(exact))[:, None] * (int(max(exact.max(), found.max(), 0)) + 2)
    hits = np.isin((exact + owner)[exact >= 0], (found + owner)[found >= 0])
    return float(hits.mean()) if len(hits) else 1.0
