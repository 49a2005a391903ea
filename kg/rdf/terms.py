"""The distinct IRIs and blank nodes of all RDF files, numbered in order of first sight."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.rdf.batch import Codes

PENDING = 1 << 21  # names that wait until they are looked up together


class Terms:
    """Collects the names of batches; a name's number is known when all are in.

    Looking a name up costs a hash table of all names, and Arrow keeps none, so that names wait
    until there are as many new ones as known ones: each is then hashed a few times in all. Until
    then a batch's names have *tickets*, which `numbers` turns into numbers.

    A blank node is named `_:SCOPE.LABEL` in the end, in the scope of its file.
    """

    def __init__(self) -> None:
        self._known: Any = pa.array([], pa.large_string())
        self._pending: list[Any] = []
        self._waiting = 0
        self._issued = 0
        self._numbers: list[Codes] = []
        self._thread = ThreadPoolExecutor(1)  # so that parsing goes on meanwhile
        self._task: Future[None] | None = None

    def tickets(self, names: pa.StringArray, file_number: int) -> int:
        """Take names in and return the ticket of the first; the others follow one by one.

        Args:
            names: bare IRIs and blank nodes as `_:label`.
            file_number: what labels of blank nodes belong to, from 1.
        """
        blank = pc.starts_with(names, "_:")
        if pc.any(blank).as_py():
            scoped = pc.binary_join_element_wise(
                f"_:b{file_number}", pc.utf8_slice_codeunits(names, 2), "."
            )
            names = pc.if_else(blank, scoped, names)
        first = self._issued
        self._issued += len(names)
        self._waiting += len(names)
        self._pending.append(names.cast(pa.large_string()))
        if self._waiting > max(PENDING, len(self._known)):
            self._wait()
            pending, self._pending, self._waiting = self._pending, [], 0
            self._task = self._thread.submit(self._look_up, pending)
        return first

    def numbers(self) -> Codes:
        """Return the number of each ticket."""
        self._finish()
        return np.concatenate([np.empty(0, np.int32), *self._numbers])

    def names(self, scope: Callable[[int], str] = lambda file: f"b{file}") -> pa.LargeStringArray:
        """Return all names by number.

        Args:
            scope: what stands before the labels of a file, given its number; asked of those files
                only that have blank nodes.
        """
        self._finish()
        blank = pc.starts_with(self._known, "_:")
        labelled = self._known.filter(blank)
        if not len(labelled):
            return self._known
        parts = pc.extract_regex(labelled, r"^_:b(?P<file>[0-9]+)\.(?P<label>(?s:.*))$")
        file = parts.field("file").dictionary_encode()
        scopes = [f"_:{scope(int(number))}" for number in file.dictionary.to_pylist()]
        before = pa.array(scopes, pa.large_string()).take(file.indices)
        dot = pa.scalar(".", pa.large_string())
        new = pc.binary_join_element_wise(before, parts.field("label"), dot)
        return pc.replace_with_mask(self._known, blank, new)

    def _finish(self) -> None:
        self._wait()
        if self._pending:
            self._look_up(self._pending)
            self._pending, self._waiting = [], 0

    def _wait(self) -> None:
        if self._task is not None:
            self._task.result()
            self._task = None

    def _look_up(self, pending: Sequence[Any]) -> None:
        encoded = pa.chunked_array([self._known, *pending]).dictionary_encode()
        indices = [chunk.indices.to_numpy() for chunk in encoded.chunks]  # none for empty ones
        self._numbers.append(np.concatenate([np.empty(0, np.int32), *indices])[len(self._known) :])
        if encoded.num_chunks:
            self._known = encoded.chunk(0).dictionary
