"""Approximate search: an index of faiss proposes, exact scores decide.

An item's bias is one coordinate more, which is 1 in every query: so the inner product that is
searched is the score.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from kg.errors import ConfigError
from kg.graph import BoolArray, FloatArray
from kg.vocab import IntArray
from queries.candidates import pair_scores, top_k
from queries.index.kinds import DEFAULT, Kind, kind_of

LANES = 16  # coordinates that a processor takes at once: others would be taken one by one
MARGIN = 28  # what is proposed beyond k: eight bits round, and some of it is known
MOST = 2_048  # what is proposed at most; who asks for more is answered exactly
SHARE = 0.5  # of the indexed rows that must be allowed: an index says little of a small part
BLOCK_BYTES = 64 * 2**20


@dataclass(frozen=True, eq=False)
class Approximate:
    """An index over some rows.

    Attributes:
        rows: that are indexed, ascending, int64 `[num_rows]`.
        index: of faiss; its numbers are places in `rows`.
        kind: of index, a name of `queries.index.kinds.KINDS`.
        effort: cells that are looked into, or candidates that are kept: what the kind counts.
    """

    rows: IntArray
    index: Any
    kind: str
    effort: int

    @classmethod
    def build(
        cls,
        vectors: FloatArray,
        bias: FloatArray,
        rows: IntArray,
        seed: int,
        kind: str = DEFAULT,
    ) -> "Approximate":
        """Index rows of vectors.

        Args:
            vectors: float32 `[num_vectors, width]`.
            bias: float32 `[num_vectors]`.
            rows: of vectors, ascending.
            seed: of what is drawn.
            kind: "ivf-sq8", "ivf-pq" or "hnsw".

        Raises:
            ConfigError: faiss is not installed, or there is no such kind.
        """
        way, faiss = kind_of(kind), load_faiss()
        index = way.build(faiss, _padded(vectors[rows], bias[rows]), seed)
        return cls(rows, index, kind, effort=way.efforts[0])

    @classmethod
    def read(cls, path: Path, rows: IntArray, kind: str, effort: int) -> "Approximate":
        """Read what `write` wrote.

        Raises:
            ConfigError: faiss is not installed.
        """
        return cls(rows, load_faiss().read_index(str(path)), kind, effort)

    @property
    def way(self) -> Kind:
        """How it searches."""
        return kind_of(self.kind)

    def write(self, path: Path) -> None:
        """Write the index in the format of faiss."""
        load_faiss().write_index(self.index, str(path))

    def propose(self, queries: FloatArray, pool: int, allowed: BoolArray | None = None) -> IntArray:
        """Return about the best rows of each query, `[num_queries, pool]`, -1 where there are none.

        Args:
            queries: float32 `[num_queries, width]`.
            pool: how many.
            allowed: which of the indexed rows, bool `[num_rows]`; None for all.
        """
        faiss, selector = load_faiss(), None
        if allowed is not None:
            selector = faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
        told = self.way.parameters(faiss, self.effort, selector)
        points = _padded(queries, np.ones(len(queries), dtype=np.float32))
        _, places = self.index.search(points, pool, params=told)
        return np.where(places >= 0, self.rows[places], -1)

    def top_k(
        self,
        queries: FloatArray,
        vectors: FloatArray,
        bias: FloatArray,
        allowed: BoolArray,
        *,
        k: int,
        seen: Any = None,
    ) -> tuple[IntArray, FloatArray]:
        """Return about what `queries.candidates.top_k` returns, with exact scores.

        Rows that were not there when the index was built are searched exactly, and so is whatever
        the index has too little of: many answers, few allowed rows, users who have seen the rest.

        Args:
            queries: float32 `[num_queries, width]`.
            vectors: float32 `[num_vectors, width]`.
            bias: float32 `[num_vectors]`.
            allowed: which rows may be answered, bool `[num_vectors]`.
            k: how many.
            seen: rows to leave out for each query, CSR `[num_queries, num_vectors]`; None for none.
        """
        inside = allowed[self.rows]
        many = int(np.count_nonzero(inside))
        pool = k + MARGIN
        if seen is not None and len(queries):  # the few who have seen more may be left short
            pool += int(np.percentile(np.diff(seen.indptr), 95))
        if many < SHARE * len(self.rows) or k + MARGIN > min(MOST, many):
            return top_k(queries, vectors, bias, np.flatnonzero(allowed), k=k, seen=seen)
        pool = min(pool * self.way.breadth, MOST, many)
        found = np.full((len(queries), k), -1, dtype=np.int64)
        scores = np.full(found.shape, -np.inf, dtype=np.float32)
        step = max(1, BLOCK_BYTES // (16 * pool * vectors.shape[1]))
        only = None if many == len(inside) else inside
        for start in range(0, len(queries), step):
            block = slice(start, min(start + step, len(queries)))
            part = queries[block]
            proposed = self.propose(part, pool, only)
            if seen is not None:
                proposed[_is_seen(seen, block, proposed)] = -1
            found[block], scores[block] = best_of(part, vectors, bias, proposed, k)
        short = np.flatnonzero((found < 0).any(axis=1))
        new = allowed.copy()
        new[self.rows] = False
        later = np.flatnonzero(new)
        if len(later):
            more, _ = top_k(queries, vectors, bias, later, k=min(k, len(later)), seen=seen)
            both = np.concatenate([found, more], axis=1)
            found, scores = best_of(queries, vectors, bias, both, k)
        if len(short):
            some = None if seen is None else seen[short]
            found[short], scores[short] = top_k(
                queries[short], vectors, bias, np.flatnonzero(allowed), k=k, seen=some
            )
        return found, scores


def best_of(
    queries: FloatArray, vectors: FloatArray, bias: FloatArray, rows: IntArray, k: int
) -> tuple[IntArray, FloatArray]:
    """Score proposed rows exactly, and return the k best, ties by the lowest row.

    Args:
        queries: float32 `[num_queries, width]`.
        vectors: float32 `[num_vectors, width]`.
        bias: float32 `[num_vectors]`.
        rows: int64 `[num_queries, num_proposed]`, -1 for none.
        k: how many; at most `num_proposed`.
    """
    scores = pair_scores(queries, vectors, bias, np.arange(len(queries))[:, None], rows)
    scores[rows < 0] = -np.inf
    order = np.lexsort((rows, -scores), axis=1)[:, :k]
    return np.take_along_axis(rows, order, axis=1), np.take_along_axis(scores, order, axis=1)


def load_faiss() -> Any:
    """Return faiss.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import faiss
    except ImportError:
        raise ConfigError("an index needs faiss: pip install 'isthmus[faiss]'") from None
    return faiss


def _padded(vectors: FloatArray, last: FloatArray) -> FloatArray:
    """Return rows with one coordinate more, and zeros up to a multiple of `LANES`."""
    width = vectors.shape[1]
    rows = np.zeros((len(vectors), -(-(width + 1) // LANES) * LANES), dtype=np.float32)
    rows[:, :width], rows[:, width] = vectors, last
    return rows


def _is_seen(seen: Any, block: slice, rows: IntArray) -> BoolArray:
    """Return which proposed rows a block of queries has seen."""
    part = sparse.csr_array(seen[block])
    owner = np.repeat(np.arange(part.shape[0]), np.diff(part.indptr))
    keys = owner * part.shape[1] + part.indices
    asked = np.arange(len(rows))[:, None] * part.shape[1] + rows
    return np.asarray(np.isin(asked, keys) & (rows >= 0))
