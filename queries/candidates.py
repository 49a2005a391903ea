"""Exact top-k: scores are made in blocks, the best are kept on the run."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from kg.errors import InputError
from kg.graph import FloatArray
from kg.vocab import IntArray

DEFAULT_BLOCK_BYTES = 64 * 2**20
# A cell of a block is a float32 score and the copy that `partition` orders; where all are equal,
# its place, its row and their order too.
_CELL_BYTES = 48
# Matrix products of different shapes round differently, so a few more than k are fetched and then
# scored one by one: an answer does not depend on who else was in the batch.
_SLACK = 16


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
        values = np.empty((rows.stop - rows.start, 0), dtype=np.float32)
        columns = np.empty(values.shape, dtype=np.int64)
        for span in _spans(len(candidates), item_step):
            block = candidates[span]
            inside = (seen_column >= span.start) & (seen_column < span.stop)
            hidden = seen_row[inside], seen_column[inside] - span.start
            found = best_of(user_z[rows], item_z[block], item_bias[block], hidden, fetched)
            # What is kept comes before what is new, so that places stay in the order of columns.
            values = np.concatenate([values, found[0]], axis=1)
            columns = np.concatenate([columns, found[1] + span.start], axis=1)
            values, columns = _pick((values, columns), _places_of_largest(values, fetched))
        items = np.where(values > -np.inf, candidates[columns], -1)
        _settle(items, user_z[rows], item_z, item_bias, indices[rows], scores[rows])
    return indices, scores


def _settle(
    items: IntArray,
    user_z: FloatArray,
    item_z: FloatArray,
    item_bias: FloatArray,
    indices: IntArray,
    scores: FloatArray,
) -> None:
    """Score the fetched items one by one, order them, and fill the answer in place."""
    exact = pair_scores(user_z, item_z, item_bias, np.arange(len(items))[:, None], items)
    exact[items < 0] = -np.inf
    order = np.lexsort((items, -exact), axis=1)[:, : indices.shape[1]]
    scores[:, : order.shape[1]], indices[:, : order.shape[1]] = _pick((exact, items), order)


def _best_numpy(
    user_z: FloatArray,
    item_z: FloatArray,
    bias: FloatArray,
    hidden: tuple[IntArray, IntArray],
    k: int,
) -> tuple[FloatArray, IntArray]:
    """Return scores and columns of the best cells of one block, in ascending order of columns.

    Both are `[users, min(k, items)]`; cells in `hidden` (rows, columns) have `-inf`.
    """
    block = user_z @ item_z.T
    block += bias
    block[hidden] = -np.inf
    places = _places_of_largest(block, k)
    return np.take_along_axis(block, places, axis=1), places


def _places_of_largest(values: FloatArray, k: int) -> IntArray:
    """Return the places of the k largest of each row, ascending; of equals the first ones."""
    num_rows, width = values.shape
    if width <= k:
        return np.tile(np.arange(width), (num_rows, 1))
    bound = np.partition(values, width - k, axis=1)[:, width - k]
    flat = np.flatnonzero(values >= bound[:, None])
    row = flat // width
    tied = values.ravel()[flat] == bound[row]
    room = k - np.bincount(row[~tied], minlength=num_rows)  # for those equal to the bound
    earlier = np.cumsum(tied) - tied
    starts = np.searchsorted(row, np.arange(num_rows))
    kept: IntArray = flat[~tied | (earlier - earlier[starts][row] < room[row])]
    places: IntArray = kept.reshape(num_rows, k) % width
    return places


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
        k: int,
    ) -> tuple[FloatArray, IntArray]:
        users, items, biases, row, column = (
            torch.from_numpy(np.ascontiguousarray(array)).to(device)
            for array in (user_z, item_z, bias, *hidden)
        )
        block = (users @ items.T).add_(biases)
        block[row, column] = -torch.inf
        # `topk` takes any of equals. So a score and its column become one integer: the float32's
        # bits, made to grow with its value, above the complement of the column.
        bits = block.add(0.0).view(torch.int32)  # -0.0 becomes 0.0
        bits ^= (bits >> 31) & 0x7FFFFFFF
        keys = (bits.long() << 32) | (0xFFFFFFFF - torch.arange(block.shape[1], device=device))
        largest = keys.topk(min(k, keys.shape[1]), dim=1, sorted=False).values
        places = (0xFFFFFFFF - (largest & 0xFFFFFFFF)).sort(dim=1).values
        return block.gather(1, places).cpu().numpy(), places.cpu().numpy()

    return best


def _pick(arrays: tuple[FloatArray, IntArray], places: IntArray) -> tuple[FloatArray, IntArray]:
    first, second = arrays
    return np.take_along_axis(first, places, 1), np.take_along_axis(second, places, 1)


def _block_shape(
    num_users: int, num_candidates: int, fetched: int, width: int, block_bytes: int
) -> tuple[int, int]:
    """Return how many users and items one block holds."""
    # Many users first: the vectors of a block of items are copied once for all of them.
    per_user = fetched * (4 * width + 64)  # settling gathers the vectors of what was fetched
    users = max(1, min(num_users, 256, block_bytes // 2 // per_user))
    per_item = users * _CELL_BYTES + 4 * width
    items = max(1, min(num_candidates, block_bytes // 2 // per_item))
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
