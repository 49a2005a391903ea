"""The door: every id column of every table comes in here, and nowhere else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kg.graph import BoolArray
from kg.tables.values import flat, is_blank

# ids and the name of their node type and id space ("" for none) to what the graph calls them
Rename = Callable[[Any, str, str], Any]


@dataclass(frozen=True)
class Ids:
    """An id column, each id once.

    Attributes:
        distinct: the ids as Arrow strings; some may be equal where two names mean the same node.
        code: which of them each row has; int32 `[num_rows]`.
    """

    distinct: Any
    code: npt.NDArray[np.int32]

    def column(self) -> Any:
        """Return the id of each row."""
        return self.distinct.take(pa.array(self.code))

    def blank(self) -> BoolArray:
        """Return which rows have no id."""
        return self.rows_of(is_blank(self.distinct))

    def rows_of(self, distinct: BoolArray) -> BoolArray:
        """Return which rows have one of some of the distinct ids."""
        if not distinct.any():  # as a rule: saves a look at each row
            return np.zeros(len(self.code), dtype=np.bool_)
        mask: BoolArray = distinct[self.code]
        return mask


class Door:
    """Turns id columns of tables into ids of the graph."""

    def __init__(self, *renames: Rename) -> None:
        """Take what is done to ids on their way in, in this order."""
        self._renames = renames

    def ids(self, chunks: Sequence[Any], node_type: str, space: str = "") -> Ids:
        """Return the ids of a column that is given in one or more Arrow arrays.

        Args:
            chunks: strings, or whole numbers; null is no id.
            node_type: what the ids are of.
            space: where they are unique, if not among all nodes of the type.
        """
        chunks = [chunk for chunk in chunks if len(chunk)]
        if not chunks:
            return Ids(pa.array([], pa.string()), np.empty(0, dtype=np.int32))
        if len({chunk.type for chunk in chunks}) > 1:
            chunks = [flat(chunk) for chunk in chunks]
        # one dictionary for all; two halves at once take as long, as theirs have to become one
        parts = pa.chunked_array(chunks).dictionary_encode().chunks
        distinct = flat(parts[0].dictionary)
        if any(part.null_count for part in parts):
            distinct = pa.concat_arrays([distinct, pa.array([""], pa.string())])
        none = len(distinct) - 1
        codes = [part.indices.fill_null(none).to_numpy(zero_copy_only=False) for part in parts]
        given = np.flatnonzero(~is_blank(distinct)) if self._renames else ()
        if len(given):
            renamed = distinct.take(pa.array(given))
            for rename in self._renames:
                renamed = rename(renamed, node_type, space)
            names = pa.concat_arrays([pa.array([""], pa.string()), renamed])
            place = np.zeros(len(distinct), dtype=np.int64)
            place[given] = np.arange(1, len(given) + 1)
            distinct = names.take(pa.array(place))
        return Ids(distinct, codes[0] if len(codes) == 1 else np.concatenate(codes))
