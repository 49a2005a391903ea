"""RDF as text: Arrow strings of lines about many subjects at once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kg.export.literals import escaped
from kg.export.vocabulary import PREFIXES, RDF, TYPE, in_turtle

_NONE = pa.scalar(None, pa.string())


class Lines:
    """Writes facts of subjects, as N-Triples or as Turtle with prefixes.

    Subjects and objects are given as they are written, `<...>` or `_:...`. A fact is a predicate
    with its object, one for all subjects or one for each, null for those that lack it.

    Args:
        turtle: whether to use prefixes, and to name a subject once.
        graph: IRI of the graph that they are in, for N-Quads.
    """

    def __init__(self, *, turtle: bool, graph: str | None = None) -> None:
        self._turtle = turtle
        self._end = " .\n" if graph is None else f" <{graph}> .\n"

    def head(self) -> bytes:
        """Return what stands at the top of the file."""
        prefixes = PREFIXES.items() if self._turtle else ()
        return "".join(f"@prefix {name}: <{iri}> .\n" for name, iri in prefixes).encode()

    def iri(self, iri: str) -> str:
        """Return an IRI as it is written."""
        return in_turtle(iri) if self._turtle else f"<{iri}>"

    def fact(self, predicate: str, objects: Any, where: Any = None) -> Any:
        """Return a fact; only `where` a mask says so, if one is given."""
        found = join(f"{self.iri(predicate)} ", objects)
        return found if where is None else pc.if_else(where, found, _NONE)

    def value(self, predicate: str, values: Any, datatype: str = "") -> Any:
        """Return a fact with a literal; null where there is no value."""
        typed = f"^^{self.iri(datatype)}" if datatype else ""
        return join(f'{self.iri(predicate)} "', escaped(values), f'"{typed}')

    def about(self, subjects: Any, facts: Sequence[Any]) -> Any:
        """Return the lines about each subject; every subject has the first fact."""
        if self._turtle:
            more = [pc.fill_null(join(" ;\n    ", fact), "") for fact in facts[1:]]
            return join(subjects, " ", facts[0], *more, " .\n")
        return join(*(pc.fill_null(join(subjects, " ", fact, self._end), "") for fact in facts))

    def statement(self, names: Any, src: Any, relation: str, dst: Any, said: Sequence[Any]) -> Any:
        """Return lines that name triples, without asserting them, and say something of each."""
        facts = [
            self.fact(TYPE, self.iri(RDF + "Statement")),
            self.fact(RDF + "subject", src),
            self.fact(RDF + "predicate", self.iri(relation)),
            self.fact(RDF + "object", dst),
        ]
        return self.about(names, [*facts, *said])


def join(*parts: Any) -> Any:
    """Return strings put together row by row; null where a part is."""
    return pc.binary_join_element_wise(*parts, "")


def data_of(strings: Any) -> memoryview:
    """Return what Arrow strings hold, one after the other, without a copy."""
    if not len(strings):
        return memoryview(b"")
    offsets = np.frombuffer(strings.buffers()[1], dtype=np.int32)
    start, stop = offsets[[strings.offset, strings.offset + len(strings)]].tolist()
    return memoryview(strings.buffers()[2] or b"").cast("B")[start:stop]
