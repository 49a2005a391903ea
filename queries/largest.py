"""Which values of a row are the largest, of equals the first."""

import numpy as np

from kg.graph import FloatArray
from kg.vocab import IntArray

# A cell among which the largest are chosen is a float32 and the copy that `partition` orders; where
# all are equal, its place, its row and their order too.
CELL_BYTES = 48
CACHED_CELLS = 1 << 18  # among which the largest are chosen at once
GROUP = 16  # values of which only the greatest is looked at first


def places_of_largest(values: FloatArray, k: int, cells: int = CACHED_CELLS) -> IntArray:
    """Return the places of the k largest of each row, ascending; of equals the first ones.

    Args:
        values: `[rows, width]`.
        k: how many; all of them where there are fewer.
        cells: of how many one look is taken.

    Returns:
        int64 `[rows, min(k, width)]`.
    """
    num_rows, width = values.shape
    if width <= k:
        return np.tile(np.arange(width), (num_rows, 1))
    places: IntArray = np.empty((num_rows, k), dtype=np.int64)
    step = max(1, cells // width)
    for start in range(0, num_rows, step):
        places[start : start + step] = _largest(values[start : start + step], k)
    return places


def _largest(values: FloatArray, k: int) -> IntArray:
    num_rows, width = values.shape
    groups = width // GROUP
    if groups > k:
        # k groups have a value that reaches the k-th largest of their maxima, so k values do
        highest = values[:, : groups * GROUP].reshape(num_rows, GROUP, groups).max(axis=1)
        least = np.partition(highest, groups - k, axis=1)[:, groups - k]
        flat = np.flatnonzero(values >= least[:, None])
        row = flat // width
        counts = np.bincount(row, minlength=num_rows)
        if 4 * counts.max() < width:  # otherwise most are equal
            place = np.arange(len(flat)) - np.repeat(np.cumsum(counts) - counts, counts)
            few = np.full((num_rows, counts.max()), -np.inf, dtype=values.dtype)
            few[row, place] = values.ravel()[flat]
            columns = np.zeros(few.shape, dtype=np.int64)
            columns[row, place] = flat - row * width
            return np.take_along_axis(columns, _partitioned(few, k), axis=1)
    return _partitioned(values, k)


def _partitioned(values: FloatArray, k: int) -> IntArray:
    num_rows, width = values.shape
    if width == k:
        return np.tile(np.arange(k), (num_rows, 1))
    bound = np.partition(values, width - k, axis=1)[:, width - k]
    flat = np.flatnonzero(values >= bound[:, None])
    row = flat // width
    if len(flat) > num_rows * k:
        tied = values.ravel()[flat] == bound[row]
        room = k - np.bincount(row[~tied], minlength=num_rows)  # for those equal to the bound
        earlier = np.cumsum(tied) - tied
        starts = np.searchsorted(row, np.arange(num_rows))
        kept = ~tied | (earlier - earlier[starts][row] < room[row])
        flat, row = flat[kept], row[kept]
    places: IntArray = (flat - row * width).reshape(num_rows, k)
    return places
