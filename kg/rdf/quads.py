"""What pyoxigraph parses, as triples of text: every conversion of its terms is in this file."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, RdfFormat, parse

from kg.rdf.batch import Kind, Malformed, TripleBatch
from kg.rdf.guards import is_too_deep

BLOCK = 256  # lines that are parsed at once, until one of them turns out to be malformed
NO_TERM = "a triple as a term"


@dataclass
class QuadCollector:
    """Triples, one by one, until they become a batch."""

    codes: dict[str, int] = field(default_factory=dict)
    rows: list[tuple[int, int, int, int]] = field(default_factory=list)
    line: list[int] = field(default_factory=list)
    value: list[str] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    kinds: dict[Kind, int] = field(default_factory=dict)
    malformed: list[Malformed] = field(default_factory=list)

    def add(self, quad: Quad, line: int = -1) -> None:
        """Append one triple, or reject it if a term of it is a triple."""
        subject, predicate, target, graph = quad
        if not isinstance(subject, NamedNode | BlankNode) or not isinstance(
            target, NamedNode | BlankNode | Literal
        ):
            self.malformed.append(Malformed(line if line > 0 else None, str(quad), NO_TERM))
            return
        head, relation = self._code(subject), self._code(predicate)
        if isinstance(target, Literal):
            tail = ~len(self.value)
            kind = Kind(target.datatype.value, (target.language or "").lower())
            self.value.append(target.value)
            self.kind.append(self.kinds.setdefault(kind, len(self.kinds)))
        else:
            tail = self._code(target)
        context = -1 if isinstance(graph, DefaultGraph) else self._code(graph)
        self.rows.append((head, relation, tail, context))
        self.line.append(line)

    def add_lines(self, lines: Sequence[bytes], numbers: Sequence[int], kind: RdfFormat) -> None:
        """Parse lines of N-Triples or N-Quads, each for itself where they do not parse together."""
        for start in range(0, len(lines), BLOCK):
            block, at = lines[start : start + BLOCK], numbers[start : start + BLOCK]
            deep = any(map(is_too_deep, block))
            found = [] if deep else _parse(b"\n".join(block), kind)
            # a line holds one triple at most, unless a carriage return breaks it
            if len(found) == len(block) and not any(b"\r" in line for line in block):
                for quad, number in zip(found, at, strict=True):
                    self.add(quad, number)
            else:
                for line, number in zip(block, at, strict=True):
                    self._add_line(line, number, kind)

    def batch(self) -> TripleBatch:
        """Return what was collected."""
        columns = np.array(self.rows, dtype=np.int32).reshape(-1, 4).T.copy()
        return TripleBatch(
            terms=pa.array(self.codes, pa.string()),
            subject=columns[0],
            predicate=columns[1],
            object=columns[2],
            graph=columns[3],
            line=np.array(self.line, dtype=np.int64),
            value=pa.array(self.value, pa.string()),
            kind=np.array(self.kind, dtype=np.int32),
            kinds=tuple(self.kinds),
            malformed=tuple(self.malformed),
        )

    def _add_line(self, line: bytes, number: int, kind: RdfFormat) -> None:
        try:
            if is_too_deep(line):
                raise ValueError("triples in triples, too deep")
            found = list(parse(line, kind))
        except (SyntaxError, ValueError, MemoryError) as error:  # the last of over 16 MiB
            raw = line.decode("utf-8", "surrogateescape")
            reason = f"malformed RDF: {reason_of(error)}"
            self.malformed.append(Malformed(number, raw, reason))
        else:
            for quad in found:
                self.add(quad, number)

    def _code(self, term: NamedNode | BlankNode) -> int:
        name = term.value if isinstance(term, NamedNode) else f"_:{term.value}"
        return self.codes.setdefault(name, len(self.codes))


def is_iri(text: str) -> bool:
    """Return whether a text is an absolute IRI."""
    try:
        NamedNode(text)
    except ValueError:
        return False
    return True


def kind_of(suffix: str) -> Kind | None:
    """Return what stands behind the closing quote of a literal; None if nothing may stand so."""
    for quad in _parse(f'<x:s> <x:p> ""{suffix} .'.encode("utf-8", "replace"), RdfFormat.N_TRIPLES):
        if isinstance(quad.object, Literal):
            return Kind(quad.object.datatype.value, (quad.object.language or "").lower())
    return None


def reason_of(error: Exception) -> str:
    """Return what a parser says without the place, which the caller knows better."""
    text = str(getattr(error, "msg", error))
    return text.split(": ", 1)[-1] if text.startswith("Parser error") else text


def _parse(data: bytes, kind: RdfFormat) -> list[Quad]:
    try:
        return list(parse(data, kind))
    except (SyntaxError, ValueError, MemoryError):
        return []
