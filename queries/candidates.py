"""Exact top-k: scores are made in blocks, the best are kept on the run."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from kg.errors import InputError
from kg.graph import FloatArray
from kg.vocab import IntArray

DEFAULT_BLOCK_BYTES = 64 * 2**20
# A cell of a block is a float32 score, its int64 key, and the copy that `partition` orders.
_CELL_BYTES = 20
# Matrix products of different shapes round differently, so a few more than k are fetched and then
# scored one by one: an answer does not depend on who else was in the batch.
_SLACK = 16
_NOTHING = np.iinfo(np.int64).min


def unit_rows(z: FloatArray) -> FloatArray:
    """Return rows of length one, so that a dot product is a cosine; zero rows stay zero."""
    norm = np.linalg.norm(z, axis=1, keepdims=True)
    unit: FloatArray = z / np.maximum(norm, np.float32(1e-12))
    return unit


def pair_scores(
    user_z: FloatArray, item_z: FloatArray, item_bias: FloatArray, users: IntArray, items: IntArray
) -> FloatArray:
    """Return the score of each (user, item) pair: their dot product plus the item's bias.

    Summed in float64, so that the result does not depend on which other pairs are asked for.

    Args:
        user_z: float32 `[num_users, width]`.
        item_z: float32 `[num_items, width]`.
        item_bias: float32 `[num_items]`.
        users: rows, any shape that broadcasts with `items`.
        items: rows.

    Returns:
        float32, the broadcast shape.
    """
    dots = np.einsum("...d,...d->...", user_z[users], item_z[items], dtype=np.float64)
    scores: FloatArray = (dots + item_bias[items]).astype(np.float32)
    return scores


def top_k(
    user_z: FloatArray,
    item_z: FloatArray,
    item_bias: FloatArray,
    candidates: IntArray,
    *,
    k: int,
    seen: Any = None,
    block_bytes: int = DEFAULT_BLOCK_BYTES,
    device: str | None = None,
) -> tuple[IntArray, FloatArray]:
    """Return the k best candidates of each user, best first, ties by the lowest row.

    Never holds a users x items matrix: a block of scores and what is needed to order it stay
    under `block_bytes`, whatever the number of users and items.

    Args:
        user_z: float32 `[num_users, width]`.
        item_z: float32 `[num_items, width]`.
        item_bias: float32 `[num_items]`.
        candidates: item rows that may be answered, int64 `[num_candidates]`; order and repetition
            do not matter.
        k: how many.
        seen: items to leave out for each user, CSR `[num_users, num_items]`; None for nothing.
        block_bytes: bound on the memory of one block.
        device: None for NumPy, or a torch device such as `"cuda"`.

    Returns:
        Item rows int64 `[num_users, k]` and scores float32 `[num_users, k]`. Where a user has
        fewer than k candidates left, the rest is -1 and `-inf`.

    Raises:
        InputError: `k` is not positive, or there is no such device.
    """
    if k < 1:
        raise InputError(f"k = {k}: expected at least 1")
    candidates = np.unique(candidates)
    num_users = len(user_z)
    indices: IntArray = np.full((num_users, k), -1, dtype=np.int64)
    scores: FloatArray = np.full((num_users, k), -np.inf, dtype=np.float32)
    fetched = min(k + _SLACK, len(candidates))
    if not fetched:
        return indices, scores

    best_of = _best_numpy if device is None else _best_torch(device)
    user_step, item_step = _block_shape(
        num_users, len(candidates), fetched, user_z.shape[1], block_bytes
    )
    for rows in _spans(num_users, user_step):
        seen_row, seen_column = _seen_cells(seen, rows, candidates)
        keys = np.full((rows.stop - rows.start, fetched), _NOTHING, dtype=np.int64)
        for columns in _spans(len(candidates), item_step):
            block = candidates[columns]
            inside = (seen_column >= columns.start) & (seen_column < columns.stop)
            found = best_of(
                user_z[rows],
                item_z[block],
                item_bias[block],
                (seen_row[inside], seen_column[inside] - columns.start),
                columns.start,
                fetched,
            )
            keys = _largest(np.concatenate([keys, found], axis=1), fetched)
        _settle(keys, candidates, user_z[rows], item_z, item_bias, indices[rows], scores[rows])
    return indices, scores


def _settle(
    keys: IntArray,
    candidates: IntArray,
    user_z: FloatArray,
    item_z: FloatArray,
    item_bias: FloatArray,
    indices: IntArray,
    scores: FloatArray,
) -> None:
    """Score the fetched candidates one by one, order them, and fill the answer in place."""
    position = 0xFFFFFFFF - (keys & 0xFFFFFFFF)
    left = keys > _NOTHING
    items = np.where(left, candidates[np.where(left, position, 0)], np.iinfo(np.int64).max)
    users = np.arange(len(keys))[:, None]
    exact = pair_scores(user_z, item_z, item_bias, users, np.where(left, items, 0))
    exact[~left] = -np.inf
    order = np.lexsort((items, -exact), axis=1)[:, : indices.shape[1]]
    width = order.shape[1]
    indices[:, :width] = np.where(
        np.take_along_axis(left, order, 1), np.take_along_axis(items, order, 1), -1
    )
    scores[:, :width] = np.take_along_axis(exact, order, 1)


def _best_numpy(
    user_z: FloatArray,
    item_z: FloatArray,
    bias: FloatArray,
    hidden: tuple[IntArray, IntArray],
    start: int,
    k: int,
) -> IntArray:
    """Return keys of the k best cells of one block, `[users, min(k, items)]`, in any order.

    A key is a score and a column in one integer: the float32's bits, made to grow with its value,
    above the complement of the column. Keys are distinct, so which cells are best is never in
    doubt, and blocks are merged by merging keys.
    """
    block = user_z @ item_z.T
    block += bias
    bits = block.view(np.int32)
    bits ^= (bits >> 31) & np.int32(0x7FFFFFFF)
    keys = bits.astype(np.int64)
    keys <<= 32
    keys |= 0xFFFFFFFF - np.arange(start, start + keys.shape[1], dtype=np.int64)
    keys[hidden] = _NOTHING
    return _largest(keys, k)


def _best_torch(device: str) -> Any:
    """Return `_best_numpy` done by torch on `device`."""
    import torch

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"device {device!r} cannot be used: {reason}") from None

    def best(
        user_z: FloatArray,
        item_z: FloatArray,
        bias: FloatArray,
        hidden: tuple[IntArray, IntArray],
        start: int,
        k: int,
    ) -> IntArray:
        users, items, biases, row, column = (
            torch.from_numpy(np.ascontiguousarray(array)).to(device)
            for array in (user_z, item_z, bias, *hidden)
        )
        bits = (users @ items.T).add_(biases).view(torch.int32)
        bits ^= (bits >> 31) & 0x7FFFFFFF
        keys = bits.long() << 32
        keys |= 0xFFFFFFFF - torch.arange(start, start + keys.shape[1], device=device)
        keys[row, column] = _NOTHING
        found = keys.topk(min(k, keys.shape[1]), dim=1, sorted=False).values
        return np.asarray(found.cpu().numpy())

    return best


def _largest(keys: IntArray, k: int) -> IntArray:
    if keys.shape[1] <= k:
        return keys
    largest: IntArray = np.partition(keys, keys.shape[1] - k, axis=1)[:, -k:]
    return largest


def _block_shape(
    num_users: int, num_candidates: int, fetched: int, width: int, block_bytes: int
) -> tuple[int, int]:
    """Return how many users and items one block holds."""
    # Settling gathers `fetched` vectors a user, in float32 and float64; a block of items is a copy.
    per_user = fetched * (12 * width + 64)
    items = max(1, min(num_candidates, block_bytes // 4 // (4 * width + _CELL_BYTES)))
    users = max(1, min(num_users, block_bytes // 2 // (items * _CELL_BYTES + per_user)))
    return users, items


def _spans(total: int, step: int) -> Iterator[slice]:
    for start in range(0, total, step):
        yield slice(start, min(start + step, total))


def _seen_cells(seen: Any, rows: slice, candidates: IntArray) -> tuple[IntArray, IntArray]:
    """Return (row in the block, column among the candidates) of what a block of users has seen."""
    if seen is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    indptr: npt.NDArray[Any] = seen.indptr[rows.start : rows.stop + 1]
    items = seen.indices[indptr[0] : indptr[-1]].astype(np.int64)
    row = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    column = np.searchsorted(candidates, items)
    known = column < len(candidates)
    known[known] = candidates[column[known]] == items[known]
    return row[known], column[known]
