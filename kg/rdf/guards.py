"""Documents that would take a parser down: nesting and entities are bounded while they are read."""

import re
from typing import IO, Protocol, cast
from xml.parsers import expat

from kg.errors import InputError

BLOCK = 1 << 16  # bytes
JSON_DEPTH = 500  # the parser keeps a copy of all that is open, at each level
XML_DEPTH = 1_000  # the parser looks at all that is open, at each element
TRIPLE_DEPTH = 1_000  # triples in triples are freed by recursion
_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_STRING = re.compile(rb'"(?:[^"\\\n]|\\.)*"')
_NO_STRUCTURE = bytes(set(range(256)) - set(b'"{}[]'))


class _Check(Protocol):
    def __call__(self, block: bytes) -> None: ...


class GuardedStream:
    """A stream that is looked at before its reader gets it."""

    def __init__(self, stream: IO[bytes], check: _Check) -> None:
        self._stream = stream
        self._check = check
        self._block = b""
        self._at = 0
        self._over = False

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes, at least one where there are more.

        Raises:
            InputError: the document is nested too deep, or its entities are too long.
        """
        if self._at == len(self._block) and not self._over:
            self._block, self._at = self._stream.read(BLOCK), 0
            self._over = not self._block
            self._check(self._block)
        end = len(self._block) if size < 0 else min(self._at + size, len(self._block))
        part, self._at = self._block[self._at : end], end
        return part


def guarded(stream: IO[bytes], format: str, file: object) -> IO[bytes]:
    """Return a stream that raises where a document of this format goes beyond the bounds.

    Args:
        stream: of the document.
        format: one of `kg.rdf.stream.KNOWN`.
        file: what messages call it.
    """
    checks: dict[str, type[_JsonDepth | _Xml | _TripleDepth]] = {
        "jsonld": _JsonDepth,
        "rdfxml": _Xml,
        "trix": _Xml,
        "turtle": _TripleDepth,
        "trig": _TripleDepth,
        "n3": _TripleDepth,
    }
    if format not in checks:
        return stream
    return cast(IO[bytes], GuardedStream(stream, checks[format](file)))


class _JsonDepth:
    def __init__(self, file: object) -> None:
        self._file = file
        self._rest = b""  # a backslash whose character is still to come
        self._quoted = False
        self._depth = 0

    def __call__(self, block: bytes) -> None:
        data = self._rest + block
        data = _ESCAPED.sub(b"", data)
        self._rest = b"\\" if data.endswith(b"\\") else b""
        for piece in data.translate(None, _NO_STRUCTURE).split(b'"'):
            if not self._quoted:
                self._open(piece)
            self._quoted = not self._quoted
        self._quoted = not self._quoted  # a block does not end a string

    def _open(self, brackets: bytes) -> None:
        opened = brackets.count(b"{") + brackets.count(b"[")
        if self._depth + opened <= JSON_DEPTH:
            self._depth += 2 * opened - len(brackets)
            return
        for bracket in brackets:
            self._depth += 1 if bracket in b"{[" else -1
            if self._depth > JSON_DEPTH:
                raise InputError(f"{self._file} is nested more than {JSON_DEPTH} levels deep")


class _Xml:
    """Reads XML with expat, which does not follow external entities and bounds internal ones."""

    def __init__(self, file: object) -> None:
        self._file = file
        self._depth = 0
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def __call__(self, block: bytes) -> None:
        try:
            self._parser.Parse(block, not block)
        except expat.ExpatError as error:
            line = f", line {error.lineno}"
            raise InputError(f"{self._file}{line}: {expat.ErrorString(error.code)}") from None

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        del name, attributes
        self._depth += 1
        if self._depth > XML_DEPTH:
            raise InputError(f"{self._file} is nested more than {XML_DEPTH} levels deep")

    def _end(self, name: str) -> None:
        del name
        self._depth -= 1


class _TripleDepth:
    def __init__(self, file: object) -> None:
        self._file = file
        self._depth = 0

    def __call__(self, block: bytes) -> None:
        if b"<<" not in block and not self._depth:
            return
        marks = _STRING.sub(b"", block)
        self._depth = max(0, self._depth + marks.count(b"<<") - marks.count(b">>"))
        if self._depth > TRIPLE_DEPTH:
            raise InputError(f"{self._file} has triples in triples over {TRIPLE_DEPTH} levels deep")


def is_too_deep(line: bytes) -> bool:
    """Return whether a line of N-Triples or N-Quads has too many triples in triples."""
    return line.count(b"<<(") > TRIPLE_DEPTH
