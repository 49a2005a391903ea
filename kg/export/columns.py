"""Triples of the vocabulary as Arrow columns, one pair of columns for each predicate."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.export.vocabulary import LABEL, RDF, SPACES, TYPE
from kg.rdf.batch import TripleBatch
from kg.vocab import IntArray

_KNOWN = (TYPE, LABEL, RDF + "subject", RDF + "predicate", RDF + "object")
_SPACES = tuple(SPACES[name] for name in ("isthmus", "relation", "attribute"))


@dataclass(frozen=True)
class Pairs:
    """Subjects and objects of one predicate, as Arrow strings of the same length."""

    subject: Any
    object: Any

    def object_of(self, subjects: Any) -> Any:
        """Return the object of each subject, null for none; of several, the first."""
        return self.object.take(pc.index_in(subjects, value_set=self.subject))


@dataclass
class Columns:
    """Triples while they are collected, and their pairs by predicate afterwards.

    Attributes:
        rows: triples that came.
        ignored: those of them whose predicate is not of the vocabulary.
    """

    rows: int = 0
    ignored: int = 0
    _found: dict[str, list[Pairs]] = field(default_factory=dict)

    def add(self, batch: TripleBatch) -> None:
        """Collect some triples."""
        self.rows += len(batch)
        order = np.argsort(batch.predicate, kind="stable")
        codes_here, starts = np.unique(batch.predicate[order], return_index=True)
        names = batch.terms.take(pa.array(codes_here)).to_pylist()
        for name, rows in zip(names, np.split(order, starts[1:]), strict=True):
            if name in _KNOWN or name.startswith(_SPACES):
                subject = batch.terms.take(pa.array(batch.subject[rows]))
                self._found.setdefault(name, []).append(Pairs(subject, _objects(batch, rows)))
            else:
                self.ignored += len(rows)

    def pairs(self, predicate: str) -> Pairs:
        """Return the pairs of a predicate; none where it never came."""
        parts = self._found.get(predicate, [])
        none = pa.array([], pa.string())
        found = Pairs(
            pa.concat_arrays([none, *(part.subject for part in parts)]),
            pa.concat_arrays([none, *(part.object for part in parts)]),
        )
        self._found[predicate] = [found]
        return found

    def predicates(self, beginning: str) -> list[str]:
        """Return the predicates that came and begin so, sorted."""
        return sorted(name for name in self._found if name.startswith(beginning))


def codes(values: Any, names: Any) -> IntArray:
    """Return the place of each value among `names`, -1 for none."""
    found: IntArray = pc.fill_null(pc.index_in(values, value_set=names), -1).to_numpy()
    return found.astype(np.int64)


def _objects(batch: TripleBatch, rows: IntArray) -> Any:
    target = batch.object[rows]
    literal = target < 0
    if literal.all():
        return batch.value.take(pa.array(~target))
    if not literal.any():
        return batch.terms.take(pa.array(target))
    terms = batch.terms.take(pa.array(np.maximum(target, 0)))
    return pc.if_else(pa.array(literal), batch.value.take(pa.array(np.maximum(~target, 0))), terms)
