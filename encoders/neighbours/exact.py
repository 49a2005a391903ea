"""Nearest neighbours by cosine, exact, in blocks."""

from typing import NamedTuple

import numpy as np
import torch
from scipy import sparse

from encoders.base import FloatArray
from kg.errors import InputError
from kg.progress import progress
from kg.vocab import IntArray

# Similarities are compared in steps of 2^-20, about the rounding of a float32 dot product: equal
# texts tie wherever in a block they stand.
STEPS = 1 << 20
BAR_FROM = 1 << 27  # pairs; a shorter search shows no bar


class Words(NamedTuple):
    """Word vectors beside those of an encoder.

    Attributes:
        queries: sparse rows, L2-normalised, float32 `[num_queries, num_words]`.
        keys: the same of keys, `[num_keys, num_words]`.
        share: of their cosine in the similarity, from 0 to 1.
    """

    queries: sparse.csr_matrix
    keys: sparse.csr_matrix
    share: float


def nearest_neighbours(
    queries: FloatArray,
    keys: FloatArray,
    k: int,
    *,
    exclude_self: bool = False,
    words: Words | None = None,
    block_bytes: int = 256 * 1024**2,
    device: str = "cpu",
) -> tuple[IntArray, FloatArray]:
    """Return the `k` keys of highest similarity for each query, best first.

    Similarity is the cosine or, with `words`, its weighted mean with the cosine of word vectors.

    Of equally near keys the one with the lowest row comes first. A zero row has no direction: as a
    query it has no neighbours, as a key it is nobody's neighbour.

    Args:
        queries: `[num_queries, dim]`, of any length; they are normalised here.
        keys: `[num_keys, dim]`.
        k: neighbours of each query.
        exclude_self: queries and keys are the same rows, and a row is not its own neighbour.
        words: sparse L2-normalised rows of the same queries and keys, and their share.
        block_bytes: most similarities held at once, in bytes (one query's row at least).
        device: where to compute, "cpu" or "cuda".

    Returns:
        Rows of keys, int64 `[num_queries, k]`, -1 where there is no further neighbour, and their
        similarities, float32 `[num_queries, k]`, 0 there.

    Raises:
        InputError: the shapes do not fit, or a value is not finite.
    """
    _check(queries, keys, k, exclude_self)
    indices: IntArray = np.full((len(queries), k), -1, dtype=np.int64)
    similarities: FloatArray = np.zeros((len(queries), k), dtype=np.float32)
    if not len(queries) or not len(keys):
        return indices, similarities
    left, right = _normalise(queries, device), _normalise(keys, device)
    unreachable = ~right.any(dim=1)
    rows = max(1, block_bytes // ((4 if words is None else 8) * len(keys)))
    turned = None if words is None else words.keys.T.tocsr()
    pairs = len(queries) * len(keys)
    with (
        torch.inference_mode(),
        progress("neighbours", len(queries) if pairs >= BAR_FROM else None) as bar,
    ):
        for start in range(0, len(queries), rows):
            block = left[start : start + rows] @ right.T
            if words is not None and turned is not None:
                shared = (words.queries[start : start + rows] @ turned).toarray()
                block *= 1 - words.share
                block += words.share * torch.from_numpy(shared).to(block.device)
            block[:, unreachable] = -torch.inf
            if exclude_self:
                own = torch.arange(len(block), device=block.device)
                block[own, own + start] = -torch.inf
            block[~left[start : start + rows].any(dim=1)] = -torch.inf
            values, found = _top(block, min(k, len(keys)))
            missing = torch.isinf(values)
            stop, width = start + len(block), values.shape[1]
            indices[start:stop, :width] = found.masked_fill(missing, -1).cpu().numpy()
            similarities[start:stop, :width] = values.masked_fill(missing, 0).cpu().numpy()
            bar.advance(len(block))
    return indices, similarities


def _top(block: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return values and columns of the `k` largest of each row `[rows, k]`, ties by column."""
    # One more than asked tells whether a tie crosses the edge: topk picks any of those that tie.
    values, columns = _sort(*block.topk(min(k + 1, block.shape[1]), dim=1))
    if values.shape[1] > k:
        last = values[:, k - 1]
        crossing = (_steps(last) == _steps(values[:, k])) & ~torch.isinf(last)
        # A quarter of a block at once: this makes copies.
        for rows in torch.split(torch.nonzero(crossing).flatten(), max(1, len(block) // 4)):
            values[rows, :k], columns[rows, :k] = _break_ties(
                block[rows], values[rows, :k], columns[rows, :k]
            )
    return values[:, :k], columns[:, :k]


def _break_ties(
    block: torch.Tensor, values: torch.Tensor, columns: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Replace those that tie with the last by the first columns that do; all `[rows, k]`."""
    k, beyond = values.shape[1], block.shape[1]
    level = _steps(values[:, -1:])
    every = torch.arange(beyond, device=block.device, dtype=torch.int32)
    tied = torch.where(_steps(block) == level, every, beyond).topk(k, largest=False).values.long()
    surely = _steps(values) > level
    found = tied < beyond
    tied_values = block.gather(1, tied.clamp(max=beyond - 1)).masked_fill(~found, -torch.inf)
    candidates = torch.cat([values.masked_fill(~surely, -torch.inf), tied_values], dim=1)
    best, order = _sort(candidates, torch.cat([columns, tied], dim=1))
    return best[:, :k], order[:, :k]


def _sort(values: torch.Tensor, columns: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Order each row by falling value, then by rising column."""
    by_column = columns.argsort(dim=1)
    by_value = _steps(values.gather(1, by_column)).argsort(dim=1, descending=True, stable=True)
    order = by_column.gather(1, by_value)
    return values.gather(1, order), columns.gather(1, order)


def _steps(values: torch.Tensor) -> torch.Tensor:
    return torch.round(values * STEPS)


def _normalise(rows: FloatArray, device: str) -> torch.Tensor:
    tensor = torch.from_numpy(np.array(rows, dtype=np.float32)).to(device)
    return torch.nn.functional.normalize(tensor, dim=1)


def _check(queries: FloatArray, keys: FloatArray, k: int, exclude_self: bool) -> None:
    if queries.ndim != 2 or keys.ndim != 2 or queries.shape[1] != keys.shape[1]:
        raise InputError(
            f"queries and keys must be matrices of one width, got {queries.shape}, {keys.shape}"
        )
    if exclude_self and len(queries) != len(keys):
        raise InputError(
            f"exclude_self: queries and keys must be the same rows, got {len(queries)} and "
            f"{len(keys)}"
        )
    if k < 1:
        raise InputError(f"k must be positive, got {k}")
    for name, rows in (("queries", queries), ("keys", keys)):
        if not np.isfinite(rows).all():
            raise InputError(f"{name} have values that are not finite")
