"""Literals to titles, texts and attributes: the best language of each, in file order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.errors import InputError
from kg.graph import BoolArray
from kg.nodes import LARGEST
from kg.rdf.batch import Codes
from kg.rdf.triples import LiteralRows
from kg.tables.values import bytes_of, flat
from kg.vocab import IntArray

Facts = tuple[IntArray, Any]  # subjects, and a value of each


@dataclass(frozen=True)
class Said:
    """What literals say, in file order; none is empty.

    Attributes:
        subject: numbers of terms.
        predicate: numbers of predicates.
        value: Arrow strings.
        rank: of the language; the lowest of a subject and predicate counts.
    """

    subject: IntArray
    predicate: Codes
    value: Any
    rank: IntArray

    def first(self, predicate: int) -> Facts:
        """Return the first value of a predicate in the best language, for each subject."""
        rows = self._sorted(predicate)
        rows = rows[_is_new(self.subject[rows])]
        return self.subject[rows], self.value.take(pa.array(rows))

    def joined(self, predicates: Sequence[int]) -> Facts:
        """Return all values of some predicates joined with `". "`, repeats once.

        Of each predicate only the values in the best language count.
        """
        parts = [np.empty(0, dtype=np.int64)]
        for predicate in dict.fromkeys(predicates):
            rows = self._sorted(predicate)
            first = _is_new(self.subject[rows])
            best = self.rank[rows][first]
            parts.append(rows[self.rank[rows] == best[np.cumsum(first) - 1]])
        rows = np.concatenate(parts)
        rows = rows[np.argsort(self.subject[rows], kind="stable")]
        new = _is_new(self.subject[rows])
        alone = new & np.append(new[1:], True)
        several = rows[~alone]
        code = self.value.take(pa.array(several)).dictionary_encode().indices.to_numpy()
        keys = np.stack([self.subject[several], code])
        order = np.lexsort(keys)
        fresh = np.ones(len(several), dtype=np.bool_)
        fresh[order[1:]] = (keys[:, order[1:]] != keys[:, order[:-1]]).any(axis=0)
        several = several[fresh]
        starts = np.flatnonzero(_is_new(self.subject[several]))
        offsets = pa.array(np.append(starts, len(several)), pa.int32())
        lists = pa.ListArray.from_arrays(offsets, self.value.take(pa.array(several)))
        return (
            np.concatenate([self.subject[rows[alone]], self.subject[several[starts]]]),
            pa.concat_arrays([self.value.take(pa.array(rows[alone])), pc.binary_join(lists, ". ")]),
        )

    def _sorted(self, predicate: int) -> IntArray:
        """Return the rows of a predicate by subject and rank, else in file order."""
        rows = np.flatnonzero(self.predicate == predicate)
        ranks = int(self.rank.max(initial=0)) + 1
        # most files have them by subject already, which a stable sort takes advantage of
        return rows[np.argsort(self.subject[rows] * ranks + self.rank[rows], kind="stable")]


def said(parts: Sequence[LiteralRows], language: Sequence[str]) -> Said:
    """Gather literals of several files.

    Args:
        parts: the literals, in order.
        language: the preferred languages, best first; `""` is no language tag. Other languages
            count after them, in alphabetical order.

    Raises:
        InputError: they are longer than a column of Arrow can be.
    """
    size = bytes_of(part.value for part in parts)
    if size > LARGEST:
        raise InputError(
            f"the literals of one [[rdf]] section are {size:,} bytes long, and can be {LARGEST:,}: "
            "name fewer predicates in title, text and attributes, or give each file a section"
        )
    values = pa.chunked_array([c for part in parts for c in part.value.chunks], pa.string())
    value = pc.utf8_trim_whitespace(flat(values))
    spoken = np.flatnonzero(pc.not_equal(value, "").to_numpy(zero_copy_only=False))
    others = sorted({kind.language for part in parts for kind in part.kinds})
    rank = [
        np.array([_rank(kind.language, language, others) for kind in part.kinds], np.int64)[
            part.kind
        ]
        for part in parts
    ]
    return Said(
        subject=np.concatenate([np.empty(0, np.int64), *(part.subject for part in parts)])[spoken],
        predicate=np.concatenate([np.empty(0, np.int32), *(p.predicate for p in parts)])[spoken],
        value=value.take(pa.array(spoken)),
        rank=np.concatenate([np.empty(0, np.int64), *rank])[spoken],
    )


def _rank(language: str, preferred: Sequence[str], others: Sequence[str]) -> int:
    for i, wanted in enumerate(preferred):
        if language == wanted.lower() or (wanted and language.startswith(wanted.lower() + "-")):
            return i
    return len(preferred) + others.index(language)


def _is_new(values: IntArray) -> BoolArray:
    new = np.ones(len(values), dtype=np.bool_)
    new[1:] = values[1:] != values[:-1]
    return new
