"""Some triples as integer columns beside the distinct terms that they number."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kg.graph import BoolArray
from kg.vocab import IntArray

Codes = npt.NDArray[np.int32]

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XSD_STRING = "http://www.w3.org/2001/XMLSchema#string"


class Kind(NamedTuple):
    """What a literal is beside its value: the IRI of its datatype, and its language or `""`."""

    datatype: str
    language: str  # lower case


class Malformed(NamedTuple):
    """A row that is no triple of IRIs, blank nodes and literals."""

    line: int | None  # from 1; None where the parser cannot say
    raw: str  # the text, bytes that are no UTF-8 as surrogates
    reason: str


@dataclass(frozen=True, kw_only=True, eq=False)
class TripleBatch:
    r"""Consecutive triples of one file, and the rows among them that are none.

    Attributes:
        terms: the distinct IRIs, bare, and blank nodes, as `_:label`, in order of first sight.
        subject: index into `terms`; int32 `[num_triples]`, as are the next three.
        predicate: index into `terms`.
        object: index into `terms`, or `~i` (that is `-1 - i`) for literal `i` of this batch.
        graph: index into `terms`, -1 for the default graph.
        line: from 1; -1 where the format has no lines; int64 `[num_triples]`.
        value: lexical forms of the literals; Arrow strings `[num_literals]`.
        kind: index into `kinds` of each literal; int32 `[num_literals]`.
        kinds: datatypes and languages.
        malformed: what did not parse, by line.
    """

    terms: pa.StringArray
    subject: Codes
    predicate: Codes
    object: Codes
    graph: Codes
    line: IntArray
    value: pa.StringArray
    kind: Codes
    kinds: tuple[Kind, ...]
    malformed: tuple[Malformed, ...] = ()

    def __len__(self) -> int:
        return len(self.subject)

    def ntriples(self) -> pa.StringArray:
        """Return each triple as a line of N-Triples, without its graph.

        >>> batch.take(np.array([0])).ntriples()[0].as_py()
        '<http://e/a> <http://e/p> "x"@en .'
        """
        bracketed = pc.if_else(
            pc.starts_with(self.terms, "_:"),
            self.terms,
            pc.binary_join_element_wise("<", self.terms, ">", ""),
        )
        target = np.where(self.object < 0, len(self.terms) + ~self.object, self.object)
        objects = pa.concat_arrays([bracketed, self._literals()])
        subject, predicate = (
            bracketed.take(pa.array(column)) for column in (self.subject, self.predicate)
        )
        return pc.binary_join_element_wise(
            subject, predicate, objects.take(pa.array(target)), ".", " "
        )

    def take(self, rows: IntArray | BoolArray) -> "TripleBatch":
        """Return the triples at `rows` (a mask or indices), with the terms and literals of these.

        What is malformed stays.
        """
        chosen = np.arange(len(self))[rows]
        columns = np.stack(
            [column[chosen] for column in (self.subject, self.predicate, self.object, self.graph)],
            axis=1,
        )
        literal = columns[:, 2] < 0
        which = ~columns[literal, 2]
        columns[literal, 2] = -1
        used, first, new = np.unique(columns, return_index=True, return_inverse=True)
        skip = int(len(used) > 0 and used[0] < 0)
        order = np.argsort(first[skip:])
        rank = np.full(len(used), -1, dtype=np.int32)
        rank[skip:][order] = np.arange(len(order), dtype=np.int32)
        columns = rank[new.reshape(columns.shape)]
        columns[literal, 2] = ~np.arange(len(which), dtype=np.int32)
        return TripleBatch(
            terms=self.terms.take(pa.array(used[skip:][order])),
            subject=columns[:, 0],
            predicate=columns[:, 1],
            object=columns[:, 2],
            graph=columns[:, 3],
            line=self.line[chosen],
            value=self.value.take(pa.array(which)),
            kind=self.kind[which],
            kinds=self.kinds,
            malformed=self.malformed,
        )

    def _literals(self) -> pa.StringArray:
        value = self.value
        for sign, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r")):
            value = pc.replace_substring(value, sign, escaped)
        suffixes = pa.array([_suffix(kind) for kind in self.kinds], pa.string())
        suffix = suffixes.take(pa.array(self.kind))
        return pc.binary_join_element_wise('"', value, '"', suffix, "")


def _suffix(kind: Kind) -> str:
    if kind.language:
        return f"@{kind.language}"
    return "" if kind.datatype == XSD_STRING else f"^^<{kind.datatype}>"


def by_line(first: TripleBatch, second: TripleBatch) -> TripleBatch:
    """Return the triples of two batches as one, in the order of their lines."""
    terms = pa.concat_arrays([first.terms, second.terms]).dictionary_encode()
    code = np.append(terms.indices.to_numpy()[len(first.terms) :], -1).astype(np.int32)
    kinds = tuple(dict.fromkeys(first.kinds + second.kinds))
    new_kind = np.array([kinds.index(kind) for kind in second.kinds], dtype=np.int32)
    target = second.object
    literal = target < 0
    both = TripleBatch(
        terms=terms.dictionary,
        subject=np.concatenate([first.subject, code[second.subject]]),
        predicate=np.concatenate([first.predicate, code[second.predicate]]),
        object=np.concatenate(
            [
                first.object,
                np.where(literal, target - len(first.value), code[np.where(literal, -1, target)]),
            ]
        ),
        graph=np.concatenate([first.graph, code[second.graph]]),
        line=np.concatenate([first.line, second.line]),
        value=pa.concat_arrays([first.value, second.value]),
        kind=np.concatenate([first.kind, new_kind[second.kind]]),
        kinds=kinds,
        malformed=first.malformed + second.malformed,
    )
    return both.take(np.argsort(both.line, kind="stable"))
