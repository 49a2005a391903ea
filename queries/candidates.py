"""Exact top-k: scores are made in blocks, the best are kept on the run."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from kg.errors import InputError
from kg.graph import FloatArray
from kg.vocab import IntArray
from queries.largest import CACHED_CELLS, CELL_BYTES, places_of_largest

DEFAULT_BLOCK_BYTES = 128 * 2**20
_USERS = 256  # more of them make no product quicker
# Matrix products of different shapes round differently, so a few more than k are fetched and then
# scored one by one: an answer does not depend on who else was in the batch.
_SLACK = 16


_Best = tuple[FloatArray, IntArray]
_Search = Callable[[FloatArray, tuple[IntArray, IntArray], int], _Best]


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

    search: Callable[[FloatArray, FloatArray, Any], _Search] = _numpy_search
    if device is not None:
        from queries.device import torch_search

        search = torch_search(device)
    sizes = _sizes(num_users, len(candidates), fetched, user_z.shape[1], block_bytes)
    for people in _spans(slice(0, num_users), sizes.people):
        blocks = list(_spans(people, sizes.users))
        kept: list[_Best] = []
        for span in _spans(slice(0, len(candidates)), sizes.items):
            block = _rows(candidates[span])
            best = search(item_z[block], item_bias[block], sizes)
            for place, rows in enumerate(blocks):
                hidden = _seen_cells(seen, rows, candidates, span)
                values, columns = best(user_z[rows], hidden, fetched)
                columns += span.start
                if span.start:
                    # What is kept comes before what is new: places stay in the order of columns.
                    values = np.concatenate([kept[place][0], values], axis=1)
                    columns = np.concatenate([kept[place][1], columns], axis=1)
                    values, columns = _pick((values, columns), places_of_largest(values, fetched))
                    kept[place] = values, columns
                else:
                    kept.append((values, columns))
        for rows, (values, columns) in zip(blocks, kept, strict=True):
            items = np.where(values > -np.inf, candidates[columns], -1)
            for part in _spans(slice(0, len(items)), sizes.settled):
                own = slice(rows.start + part.start, rows.start + part.stop)
                _settle(items[part], user_z[own], item_z, item_bias, indices[own], scores[own])
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


def _numpy_search(item_z: FloatArray, bias: FloatArray, sizes: "_Sizes") -> _Search:
    """Return what finds the best items of a block of users.

    It is asked with vectors of users, cells to leave out (rows, columns) and k, and returns scores
    and columns of the best cells, `[users, min(k, items)]`, in ascending order of columns.

    Args:
        item_z: of a block of items.
        bias: of the same.
        sizes: of blocks.
    """
    room = np.empty((sizes.users, len(item_z)), dtype=np.float32)

    def best(user_z: FloatArray, hidden: tuple[IntArray, IntArray], k: int) -> _Best:
        block = np.matmul(user_z, item_z.T, out=room[: len(user_z)])
        block += bias
        block[hidden] = -np.inf
        places = places_of_largest(block, k, sizes.cells)
        return np.take_along_axis(block, places, axis=1), places

    return best


def _pick(arrays: tuple[FloatArray, IntArray], places: IntArray) -> tuple[FloatArray, IntArray]:
    first, second = arrays
    return np.take_along_axis(first, places, 1), np.take_along_axis(second, places, 1)


class _Sizes(NamedTuple):
    """How much of everything is held at once, so that all of it stays under a bound.

    Attributes:
        people: users whose best are kept while all items go by.
        users: of them, in a block of scores.
        items: in a block of scores; their vectors are copied once for all people.
        cells: among which the largest are chosen.
        settled: users whose answers are scored one by one.
    """

    people: int
    users: int
    items: int
    cells: int
    settled: int


def _sizes(
    num_users: int, num_candidates: int, fetched: int, width: int, block_bytes: int
) -> _Sizes:
    part = block_bytes // 16
    items = max(1, min(num_candidates, 8 * part // (4 * width + 8)))
    users = max(1, min(num_users, _USERS, 4 * part // (4 * items)))
    kept = 48 * fetched  # values and columns, those of a block beside them, and both together
    people = max(users, min(num_users, part // kept))
    cells = max(1, min(CACHED_CELLS, part // CELL_BYTES))
    settled = max(1, part // (fetched * (4 * width + 64)))  # vectors of what was fetched
    return _Sizes(people, users, items, cells, settled)


def _spans(total: slice, step: int) -> Iterator[slice]:
    for start in range(total.start, total.stop, step):
        yield slice(start, min(start + step, total.stop))


def _rows(candidates: IntArray) -> IntArray | slice:
    """Return rows as a slice where they follow each other, so that nothing is copied."""
    first, last = int(candidates[0]), int(candidates[-1]) + 1
    return slice(first, last) if last - first == len(candidates) else candidates


def _seen_cells(
    seen: Any, rows: slice, candidates: IntArray, span: slice
) -> tuple[IntArray, IntArray]:
    """Return what users have seen in a span of candidates: rows and columns in their block."""
    if seen is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    indptr: npt.NDArray[Any] = seen.indptr[rows.start : rows.stop + 1]
    items = seen.indices[indptr[0] : indptr[-1]].astype(np.int64)
    row = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    column = np.searchsorted(candidates, items)
    known = (column >= span.start) & (column < span.stop)
    known[known] = candidates[column[known]] == items[known]
    return row[known], column[known] - span.start
