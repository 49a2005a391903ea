"""Ids to rows and back: `id` is the user's string, `index` is a row number."""

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from operator import methodcaller
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kg.digest import add_counted
from kg.errors import InputError, UnknownIdError, nearest, shown

IntArray = npt.NDArray[np.int64]
MANY = 10_000  # ids; fewer are sorted in no time
APART = 400  # to look one id up costs as much as to hash so many
# by length of a string, which bits of its first eight bytes are its own
OWN = np.array([(1 << 64) - (1 << 64 - 8 * size) for size in range(9)], dtype=np.uint64)


def sorted_order(ids: pa.StringArray) -> IntArray:
    """Return the order that sorts distinct strings, none of them null, by their bytes."""
    if len(ids) >= MANY:
        starts = np.frombuffer(ids.buffers()[1], np.int32)[ids.offset :][: len(ids) + 1]
        data = np.append(
            np.frombuffer(ids.buffers()[2], np.uint8)[: starts[-1]], np.zeros(8, np.uint8)
        )
        words = np.ndarray(len(data) - 7, ">u8", data, strides=(1,))
        first = words[starts[:-1]].astype(np.uint64) & OWN[np.minimum(np.diff(starts), 8)]
        order: IntArray = np.argsort(first)  # several times as quick as sorting strings
        if (np.diff(first[order]) > 0).all():  # eight bytes tell all of them apart
            return order
    by_arrow: IntArray = pc.sort_indices(ids).to_numpy()
    return by_arrow


class Vocab:
    """The ids of one node type; an id's index is its place in sorted order.

    Sorting before numbering means that the order of input rows never changes an index.

    Raises:
        InputError: `ids` are not sorted and unique; `from_values` takes any order.
    """

    def __init__(self, ids: pa.StringArray, kind: str = "node") -> None:
        if len(ids) > 1 and not pc.all(pc.less(ids[:-1], ids[1:])).as_py():
            raise InputError(f"ids of {kind!r} must be sorted and unique; use Vocab.from_values")
        self._ids = ids
        self.kind = kind

    @classmethod
    def from_values(
        cls, values: Sequence[str] | pa.Array | pa.ChunkedArray, kind: str = "node"
    ) -> Self:
        """Make a vocabulary of the distinct `values`, in any order."""
        array = (
            values
            if isinstance(values, pa.Array | pa.ChunkedArray)
            else pa.array(values, pa.string())
        )
        distinct = pc.unique(array.cast(pa.string())).drop_null()
        return cls(distinct.take(pa.array(sorted_order(distinct))), kind)

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, node_id: object) -> bool:
        return isinstance(node_id, str) and bool(self.lookup([node_id])[0] >= 0)

    @property
    def ids(self) -> pa.StringArray:
        """All ids in row order, as an Arrow array."""
        return self._ids

    def lookup(self, ids: Sequence[str] | pa.Array | pa.ChunkedArray) -> IntArray:
        """Return the index of each id, -1 where it is unknown; shape `[len(ids)]`."""
        few = isinstance(ids, list | tuple) and len(ids) * APART <= len(self)
        if few and all(isinstance(node_id, str) for node_id in ids):
            return np.array([self._place(node_id) for node_id in ids], dtype=np.int64)
        values = ids if isinstance(ids, pa.Array | pa.ChunkedArray) else _strings(ids)
        found = pc.index_in(values, value_set=self._ids)
        if isinstance(found, pa.ChunkedArray):
            found = found.combine_chunks()
        filled: IntArray = pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        return filled

    def _place(self, node_id: str) -> int:
        """Return the index of one id, -1 where it is unknown."""
        # Python orders strings by code points, which is the order of their bytes in UTF-8.
        at = bisect_left(self._ids, node_id, key=methodcaller("as_py"))
        return at if at < len(self) and self.id(at) == node_id else -1

    def index(self, ids: Sequence[str] | pa.Array | pa.ChunkedArray) -> IntArray:
        """Return the index of each id; shape `[len(ids)]`.

        Raises:
            UnknownIdError: some id is unknown; names the first and how many there are.
        """
        found = self.lookup(ids)
        unknown = np.flatnonzero(found < 0)
        if len(unknown):
            first = str(ids[int(unknown[0])])
            more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
            hint = nearest(first, self._ids.to_pylist()) if len(self) <= 100_000 else ""
            raise UnknownIdError(f"unknown {self.kind} id {shown(first)}{more}{hint}")
        return found

    def id(self, index: int) -> str:
        """Return the id at one row."""
        return str(self._ids[index].as_py())

    def to_ids(self, indices: npt.ArrayLike) -> list[str]:
        """Return the ids at many rows."""
        ids: list[str] = self._ids.take(pa.array(np.asarray(indices).ravel())).to_pylist()
        return ids

    def fingerprint(self) -> str:
        """Return a hash of all ids in order."""
        digest = hashlib.sha256()
        add_counted(digest, self._ids)
        return digest.hexdigest()


def _strings(ids: Sequence[str]) -> pa.Array:
    try:
        return pa.array(ids, pa.string())
    except UnicodeEncodeError:  # half of a surrogate pair: no text, and so no id, has one
        return pa.array([None if _is_half(text) else text for text in ids], pa.string())


def _is_half(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)
