"""TriX and HexTuples, which pyoxigraph does not read: by rdflib, as N-Quads."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from kg.errors import InputError

FORMATS = {"trix": "trix", "hextuples": "hext"}  # our names and rdflib's
MOST = 1 << 28  # bytes of a document, of which rdflib makes about 20 times as many


def nquads(stream: IO[bytes], kind: str, file: object) -> Iterator[bytes]:
    """Yield the quads of a document as lines of N-Quads, each once.

    Literals stay as they are written. All is held in memory, as Python objects.

    Args:
        stream: of the document.
        kind: one of `FORMATS`.
        file: what messages call it.

    Raises:
        InputError: a syntax error, or the document is larger than 256 MiB.
    """
    import rdflib
    from rdflib.graph import DATASET_DEFAULT_GRAPH_ID

    data = bytearray()
    while block := stream.read(1 << 20):
        data += block
        if len(data) > MOST:
            raise InputError(
                f"{file} is over {MOST >> 20} MiB, which has to fit into memory several times: "
                "write it as N-Quads"
            )
    found = rdflib.Dataset()
    with _as_written():
        try:
            found.parse(data=bytes(data), format=FORMATS[kind])
        except Exception as error:  # rdflib's parsers raise what their code happens to
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"{file} is not {kind}: {reason}") from None
        for subject, predicate, target, graph in found.quads():
            no_graph = graph in (None, DATASET_DEFAULT_GRAPH_ID)  # the latter in rdflib's own files
            terms = (subject, predicate, target, *(() if no_graph else (graph,)))
            yield (" ".join(map(_text, terms)) + " .\n").encode("utf-8", "surrogateescape")


def _text(term: Any) -> str:
    """Return a term of N-Quads; one that is none is found by whoever reads the line."""
    import rdflib

    if isinstance(term, rdflib.Literal):
        value = str(term).translate(_ESCAPED)
        if term.language:
            return f'"{value}"@{term.language}'
        return f'"{value}"^^<{term.datatype}>' if term.datatype else f'"{value}"'
    text = str(term).translate(_ESCAPED)
    return f"_:{text}" if isinstance(term, rdflib.BNode) else f"<{text}>"


_ESCAPED = {
    ord(sign): escaped
    for sign, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"))
}


@contextmanager
def _as_written() -> Iterator[None]:
    """Keep rdflib from writing numbers its own way, and from telling what its user cannot change.

    It warns of terms that are none, and of deprecated parts of its own that its parsers use.
    """
    import rdflib

    log = logging.getLogger("rdflib.term")
    before = rdflib.NORMALIZE_LITERALS, log.disabled
    rdflib.NORMALIZE_LITERALS, log.disabled = False, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        rdflib.NORMALIZE_LITERALS, log.disabled = before
