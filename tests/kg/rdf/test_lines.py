"""The scanner of lines against pyoxigraph, which reads each line for itself."""

import numpy as np
import pyoxigraph
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kg.rdf import lines as module
from kg.rdf.batch import Kind
from kg.rdf.lines import parse_lines

NASTY = [
    "", " ", "\t", ".", " . ", " .", "<>", "<", ">", '"', "\\", "\\u00e9", "\\U0001F600", "\\ud800",
    "\\n", '\\"', "\r", "\x00", "\x0b", "\x0c", "ä", "\ufeff", "\ue000", "\uffff", "😀", "#",
    "# note", "^^", "@en", "@en-GB", "@EN", "@abcdefghi", "@en--ltr", "_:", "_:b.1", "_:b.", "%20",
    "%zz", "http://e/a", "urn:x", "mailto:a@b", "http://a:80/", "http://a:x/", "http://[::1]/",
    "a b",
    "^^<http://www.w3.org/2001/XMLSchema#integer>", "^^<rel>", "<_:x>", "VERSION", "<<( ", " )>>",
    "^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#langString>", "{", "|", "^", "`", "  ", "\x1f",
]  # fmt: skip
piece = st.sampled_from(NASTY)
iri = st.one_of(
    st.sampled_from(
        ["http://e/a", "http://e/b#c", "http://e/ä%20?q=1", "urn:a:b", "http://e/\\u00e9"]
    ),
    st.builds("http://e/{}".format, st.lists(piece, max_size=2).map("".join)),
    st.lists(piece, max_size=2).map("".join),
)
blank = st.builds("_:{}".format, st.sampled_from(["a", "b1", "ä", "1", "a.b", "a.", "-", "a-", ""]))
resource = st.one_of(iri.map("<{}>".format), blank, piece)
text = st.lists(st.one_of(piece, st.text(max_size=3)), max_size=3).map("".join)
suffix = st.one_of(st.just(""), st.just("@en"), piece)
literal = st.builds('"{}"{}'.format, text, suffix)
gap = st.sampled_from([" ", " ", " ", " ", " ", "\t", "  ", ""])
triple = st.builds(
    "{}{}{}{}{}{}{}{}".format,
    resource, gap, iri.map("<{}>".format), gap, st.one_of(resource, literal),
    st.one_of(st.just(""), resource.map(" {}".format)), gap,
    st.sampled_from([".", ".", ".", ".", ". # more", ".\r", "", ". <http://e/x>"]),
)  # fmt: skip
good = st.sampled_from(
    [
        "<http://e/a> <http://e/p> <http://e/b> .",
        '<http://e/a> <http://e/p> "x . <http://e/y>"@en .',
        "_:a <http://e/p> _:b .",
        "<http://e/a> <http://e/p> <http://e/b> <http://e/g> .",
        '<http://e/a> <http://e/p> "1"^^<http://www.w3.org/2001/XMLSchema#integer> _:g .',
    ]
)
line = st.one_of(good, triple, text, st.just("# note"), st.just(""))
encoded = line.map(lambda text: text.encode("utf-8", "surrogatepass"))
broken = st.tuples(encoded, st.integers(0, 200), st.sampled_from([b"\xff", b"\xc3", b"\x80"])).map(
    lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] :]
)
document = st.tuples(
    st.lists(st.one_of(encoded, encoded, encoded, broken), max_size=8),
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
).map(lambda parts: parts[1].join(parts[0]) + (parts[1] if parts[2] else b""))


def term(node):
    if isinstance(node, pyoxigraph.DefaultGraph):
        return None
    if isinstance(node, pyoxigraph.Literal):
        return node.value, Kind(node.datatype.value, node.language or "")
    return f"_:{node.value}" if isinstance(node, pyoxigraph.BlankNode) else node.value


def one_by_one(data, kind):
    """Parse as pyoxigraph does, each line for itself; return triples and rejected lines."""
    triples, rejects = [], []
    for number, text in enumerate(data.split(b"\n"), 1):
        text = text.removesuffix(b"\r")
        if b"\r" not in text and text.strip(b" \t")[:1] in (b"", b"#"):
            continue
        try:
            quads = list(pyoxigraph.parse(text, kind))
        except (SyntaxError, ValueError):
            rejects.append((number, text.decode("utf-8", "surrogateescape")))
            continue
        for quad in quads:
            if isinstance(quad.object, pyoxigraph.Triple):
                rejects.append((number, str(quad)))
            else:
                triples.append((number, *(term(node) for node in quad)))
    return triples, rejects


def scanned(data, quads):
    batch, count = parse_lines(data, quads=quads)
    assert count == data.count(b"\n") + (not data.endswith(b"\n"))
    terms = [*batch.terms.to_pylist(), None]
    assert len(set(terms)) == len(terms)
    values = [
        (text, batch.kinds[kind])
        for text, kind in zip(batch.value.to_pylist(), batch.kind.tolist(), strict=True)
    ]
    used = []
    triples = []
    columns = (batch.line, batch.subject, batch.predicate, batch.object, batch.graph)
    for number, s, p, o, g in zip(*(column.tolist() for column in columns), strict=True):
        used += [code for code in (s, p, o, g) if code >= 0]
        triples.append((number, terms[s], terms[p], terms[o] if o >= 0 else values[~o], terms[g]))
    assert list(dict.fromkeys(used)) == list(range(len(terms) - 1))  # in order of first sight
    return triples, [(bad.line, bad.raw) for bad in batch.malformed]


@settings(max_examples=150, deadline=None)
@given(data=document, quads=st.booleans())
@example(data=b'<http://e/a> <http://e/p> "a <b"^^<http://e/c> .', quads=True)
@example(data=b'<http://e/a> <http://e/p> "a <b> .', quads=True)
@example(data=b'<http://e/a> <http://e/p> "" .\n' * 9 + b"<a> <b> <c> .", quads=False)
@example(data=b"# note\r<http://e/a> <http://e/p> <http://e/b> .", quads=False)
@example(data=b"\x00\n\x0c\n<_:x> <http://e/p> <http://e/b> .\n<http://e/a> _:p _:b .", quads=False)
@example(data=b"<http://e/a> <http://e/p> <http://e/b> . .\r\r\n\r\r\n", quads=False)
def test_the_scanner_reads_what_pyoxigraph_reads_line_by_line(data, quads):
    kind = pyoxigraph.RdfFormat.N_QUADS if quads else pyoxigraph.RdfFormat.N_TRIPLES
    assert scanned(data, quads) == one_by_one(data, kind)


@pytest.mark.slow
@settings(max_examples=1000, deadline=None)
@given(data=document, quads=st.booleans())
def test_the_scanner_reads_what_pyoxigraph_reads_at_length(data, quads):
    kind = pyoxigraph.RdfFormat.N_QUADS if quads else pyoxigraph.RdfFormat.N_TRIPLES
    assert scanned(data, quads) == one_by_one(data, kind)


def test_plain_lines_need_no_parser(monkeypatch):
    monkeypatch.setattr(module, "QuadCollector", None)
    monkeypatch.setattr(module, "is_iri", None)
    data = (
        '<http://e/ä?x#y%20> <http://e/p> "x . <y>"@en-GB .\r\n'
        "_:a.b\t<http://e/p>\t_:c\t.\n\n# note\n"
        '<https://e.org/a_(b),c> <http://e/p> ""^^<http://e/d> .'
    )
    assert len(parse_lines(data.encode(), quads=False)[0]) == 3


def test_lines_out_again():
    text = (
        '<http://e/a> <http://e/p> "quote \\" slash \\\\n\\nline\\r"@en .\n'
        "_:x <http://e/p> _:y <http://e/g> .\n"
        '<http://e/a> <http://e/p> "1"^^<http://e/d> .\n'
    )
    batch, _ = parse_lines(text.encode(), quads=True)
    lines = [text.replace(" <http://e/g>", "") for text in text.splitlines()]
    assert batch.ntriples().to_pylist() == lines
    assert batch.take(np.array([2, 0])).ntriples().to_pylist() == [lines[2], lines[0]]
    part = batch.take(np.array([False, False, True]))
    assert part.ntriples().to_pylist() == lines[2:]
    assert part.terms.to_pylist() == ["http://e/a", "http://e/p"]
