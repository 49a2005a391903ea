"""The texts of a call by content: the key of each, which are distinct, where a key belongs."""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

# Compared and sorted as a whole. An element taken out alone would lose the NULs at its end.
KeyArray = npt.NDArray[np.bytes_]
RowArray = npt.NDArray[np.int64]

KEY_BYTES = 32
_AT_ONCE = 65_536  # texts; a list of a million digests would weigh more than the digests


def keys_of(texts: Sequence[str]) -> KeyArray:
    """Return the sha256 of each text without the space around it, `[len(texts)]`."""
    keys: KeyArray = np.empty(len(texts), dtype=f"S{KEY_BYTES}")
    for start in range(0, len(texts), _AT_ONCE):
        some = texts[start : start + _AT_ONCE]
        digests = b"".join(
            [
                hashlib.sha256(text.strip().encode("utf-8", "surrogatepass")).digest()
                for text in some
            ]
        )
        keys[start : start + len(some)] = np.frombuffer(digests, dtype=keys.dtype)
    return keys


def first_of_each(keys: KeyArray) -> npt.NDArray[np.bool_]:
    """Return which of `keys` differ from all before them."""
    order = np.argsort(keys, kind="stable")
    is_first: npt.NDArray[np.bool_] = np.empty(len(keys), dtype=np.bool_)
    is_first[order] = _starts(keys[order])
    return is_first


class Wanted:
    """The distinct texts of a call that have no vector yet.

    Args:
        texts: what was asked for; an empty one wants no vector.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        keys = keys_of(texts)
        order: RowArray = np.argsort(keys, kind="stable")
        ordered = keys[order]
        starts = _starts(ordered)
        self._keys = ordered[starts]
        self._row = order[starts]  # stable: where a text stands first
        self._place = np.empty(len(keys), dtype=np.int32)
        self._place[order] = np.cumsum(starts, dtype=np.int32) - 1
        self._open = np.ones(len(self._keys), dtype=np.bool_)
        self.close(self.places(keys_of([""]))[1])

    @property
    def any_open(self) -> bool:
        """Whether a vector is still wanted."""
        return bool(self._open.any())

    def places(self, keys: KeyArray) -> tuple[RowArray, RowArray]:
        """Return which of `keys` are wanted, and the place of each of these among the texts."""
        if not len(self._keys):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        which = np.flatnonzero((self._keys[place] == keys) & self._open[place])
        return which, place[which]

    def close(self, places: RowArray) -> None:
        """Say that these have a vector."""
        self._open[places] = False

    def reopen(self, places: RowArray) -> None:
        """Say that these have none after all."""
        self._open[places] = True

    def rows(self, places: RowArray) -> RowArray:
        """Return where the text of each place stands first."""
        rows: RowArray = self._row[places]
        return rows

    def open_rows(self) -> RowArray:
        """Return where each text without a vector stands first, in this order."""
        return np.sort(self._row[self._open])

    def repeats(self) -> tuple[RowArray, RowArray]:
        """Return the rows of texts that stood before, and the row where each stands first."""
        repeats = np.ones(len(self._place), dtype=np.bool_)
        repeats[self._row] = False
        rows = np.flatnonzero(repeats)
        return rows, self._row[self._place[rows]]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _starts(ordered: KeyArray) -> npt.NDArray[np.bool_]:
    starts: npt.NDArray[np.bool_] = np.ones(len(ordered), dtype=np.bool_)
    starts[1:] = ordered[1:] != ordered[:-1]
    return starts
