"""RDF as nobody should write it: no crash, no hang, and every line or triple accounted for."""

import gzip

import pytest
from hypothesis import strategies as st
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, parse

from kg.errors import InputError, IsthmusError
from kg.importer import import_graph
from kg.mapping import read_mapping
from kg.rdf import stream
from kg.rdf.stream import PARSERS, read_triples
from kg.sources import SourceFile

pytestmark = pytest.mark.usefixtures("no_hang")

CASES = [pytest.param(50, id="quick"), pytest.param(2_000, id="many", marks=pytest.mark.slow)]
FEW = [pytest.param(20, id="quick"), pytest.param(100, id="many", marks=pytest.mark.slow)]


def joined(pieces: list[bytes]) -> st.SearchStrategy[bytes]:
    return st.lists(st.sampled_from(pieces), max_size=20).map(b"".join)


NOISE = [
    b"\n", b"\n", b"\r\n", b"\r", b"\0", b"\xff", b"\xc3", b"\xef\xbb\xbf", b" ", b"\t", b"\\",
    b"#", "é".encode(), "\u2028".encode(), b"x" * 300, b"\xed\xa0\x80", b'"', b"<", b">", b".",
    b"_:b", b"@en", b"^^", b"\\u00e9", b"\\uD800", b"\\U0010FFFF", b"'", b"<<(", b")>>", b"%zz",
    b"{", b"}",
]  # fmt: skip
TRIPLES = [
    b"<http://e/a> <http://e/p> <http://e/b> .\n", b'<http://e/a> <http://e/p> "x" .\n',
    b'<http://e/a> <http://e/p> "x"@en-GB .\r\n', b"_:a <http://e/p> _:b .\n", b"# a comment\n",
    b'<http://e/a>\t<http://e/p>\t"1"^^<http://www.w3.org/2001/XMLSchema#integer>\t. # end\n',
    b'  <http://e/a>  <http://e/p> "a\\"b\\n" .\n', b"<http://e/a> <http://e/p> <relative> .\n",
    '<http://e/é> <http://e/p> "é" .\n'.encode(), b'<http://e/a><http://e/p>"x".\n',
    b'<http://e/a> <http://e/p> <<( <http://e/a> <http://e/p> "x" )>> .\n',
    b'<http://e/a> <http://e/p> "' + b"y" * 500 + b'" .\n', b"<http://e/a> <http://e/p> <> .\n",
]  # fmt: skip
QUADS = [
    b"<http://e/a> <http://e/p> <http://e/b> <http://e/g> .\n",
    b'_:a <http://e/p> "x" _:g .\n',
]
TURTLE = [
    b"@prefix e: <http://e/> .\n", b"PREFIX e: <http://e/>\n", b"@base <http://e/> .\n", b"e:a ",
    b"e:p ", b'"""long "text" """ ', b"1.5e3 ", b"true ", b"; ", b", ", b"[ ", b"] ", b"( ", b") ",
    b"a ", b"e:a e:p [ e:q 1, 2 ; e:r ( e:b 'x' ) ] .\n", b"e:a e:p e:b {| e:q 1 |} .\n", b"[] ",
    b"e:g { e:a e:p e:b }\n", b"GRAPH e:g { e:a e:p 1 }\n", b"e:\\", b"e:%41 ",
]  # fmt: skip
XML = [
    b'<?xml version="1.0"?>\n', b"<!DOCTYPE rdf:RDF [", b'<!ENTITY e "http://e/">', b"]>", b"&e;",
    b"&lt;",
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://e/">',
    b'<rdf:Description rdf:about="http://e/a">', b"</rdf:Description>", b"</rdf:RDF>",
    b"<e:p>x</e:p>", b'<e:p rdf:resource="http://e/b"/>', b'<e:p rdf:parseType="Collection">',
    b"</e:p>", b"<e:T>", b"</e:T>", b"<![CDATA[", b"]]>", b"<!--", b"-->", b"&#0;",
    b'<!ENTITY x SYSTEM "file:///etc/hostname">', b"&x;",
    b'<e:p xml:lang="en" rdf:datatype="http://e/d">', b'<e:p rdf:parseType="Literal"><b>',
    b'rdf:ID="a"',
]  # fmt: skip
WHOLE_XML = (XML[6] + XML[7] + XML[10], b"</rdf:Description></rdf:RDF>")
JSON = [
    b'{"@id":"http://e/a","http://e/p":"x"}', b'"@context":{"e":"http://e/"}', b'"@graph":[',
    b"]", b"[", b",", b'"@id":', b'"http://e/a"', b'"@type":', b'"@value":', b"1e400", b"null",
    b"true", b":", b'"@list":[1,2]', b'{"@context":"http://localhost:9/x"}',
    b'"@reverse":{"http://e/p":{}}', b'"e:p"', b'{"@vocab":"http://e/"}', b'"@language":"en"',
    b'"\\ud800"', b'"@container":"@set"',
]  # fmt: skip
DOCUMENTS = {
    "ntriples": joined([*NOISE, *TRIPLES, *TRIPLES]),
    "nquads": joined([*NOISE, *TRIPLES, *QUADS, *QUADS]),
    "turtle": joined([*NOISE, *TRIPLES, *TURTLE]).map(TURTLE[0].__add__),
    "trig": joined([*NOISE, *TRIPLES, *TURTLE]).map(TURTLE[0].__add__),
    "n3": joined([*NOISE, *TRIPLES, *TURTLE]),
    "rdfxml": joined([*NOISE, *XML])
    | joined(XML).map(lambda body: WHOLE_XML[0] + body + WHOLE_XML[1] + body),
    "jsonld": joined([*NOISE, *JSON])
    | joined(JSON).map(lambda body: b'{"@id":"http://e/a",' + body + b"}"),
}  # fmt: skip


@pytest.fixture
def read(tmp_path):
    """Return line and text of each triple, and what is malformed, or the error."""

    def run(data: bytes, format: str, suffix: str = ""):
        path = tmp_path / f"x{suffix}"
        path.write_bytes(data)
        triples, malformed = [], []
        try:
            for batch in read_triples(SourceFile(path, "x"), format=format):
                assert len(batch.line) == len(batch)
                triples += zip(batch.line.tolist(), batch.ntriples().to_pylist(), strict=True)
                malformed += [(bad.line, bad.raw) for bad in batch.malformed]
        except IsthmusError as error:
            return str(error)
        return triples, malformed

    return run


def plain(quad: Quad) -> bool:
    """Return whether a triple has no triple in it."""
    head = isinstance(quad.subject, NamedNode | BlankNode)
    return head and isinstance(quad.object, NamedNode | BlankNode | Literal)


def of_line(line: bytes, format: str) -> list[Quad] | None:
    """Return what a line says by itself, None if it is malformed."""
    try:
        return list(parse(line, PARSERS[format]))
    except (SyntaxError, ValueError):
        return None


@pytest.mark.parametrize("cases", CASES)
@pytest.mark.parametrize("format", ["ntriples", "nquads"])
def test_lines(read, fuzz, cases, format, monkeypatch):
    @fuzz(cases, data=DOCUMENTS[format], chunk=st.integers(50, 800))
    def check(data: bytes, chunk: int) -> None:
        triples, malformed = found = read(data, format)
        lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        if b"\r" not in data.replace(b"\r\n", b""):  # alone, it ends a line for the parser only
            expected = {n: of_line(line, format) for n, line in enumerate(lines, start=1)}
            good = [n for n, quads in expected.items() for q in quads or () if plain(q)]
            bad = [n for n, q in expected.items() if q is None or not all(map(plain, q))]
            assert [line for line, _ in triples] == good
            assert sorted(line for line, _ in malformed) == bad
        if chunk > 300:
            return
        with monkeypatch.context() as patch:  # as a file of many chunks
            patch.setattr(stream, "CHUNK", chunk)
            apart = read(data, format)
        assert sorted(apart[0]) == sorted(found[0])
        assert sorted(apart[1]) == sorted(found[1])


@pytest.mark.parametrize("cases", CASES)
@pytest.mark.parametrize("format", ["turtle", "trig", "n3", "rdfxml", "jsonld"])
def test_documents(read, fuzz, cases, format):
    @fuzz(cases, data=DOCUMENTS[format])
    def check(data: bytes) -> None:
        found = read(data, format)
        try:
            expected = list(parse(data.removeprefix(b"\xef\xbb\xbf"), PARSERS[format]))
        except (SyntaxError, ValueError):
            expected = None
        if isinstance(found, str):
            # the guard of XML is stricter than the parser, which takes a second root for one
            assert expected is None or format == "rdfxml"
        else:
            assert expected is not None
            assert len(found[0]) == sum(map(plain, expected))
            assert len(found[0]) + len(found[1]) == len(expected)


MAPPING = """
[[nodes]]
file = "items.csv"
type = "item"
id = "id"
domain = "d"

[[edges]]
file = "used.csv"
relation = "interacts"
src = { type = "user", column = "user", create = true }
dst = { type = "item", column = "item" }

[[rdf]]
file = "x"
"""


@pytest.mark.parametrize("cases", FEW)
@pytest.mark.parametrize("format", list(DOCUMENTS))
def test_import(tmp_path, fuzz, cases, format):
    (tmp_path / "items.csv").write_text("id\nhttp://e/a\n")
    (tmp_path / "used.csv").write_text("user,item\nu,http://e/a\n")
    (tmp_path / "mapping.toml").write_text(MAPPING + f'format = "{format}"\n')
    mapping = read_mapping(tmp_path / "mapping.toml")

    @fuzz(cases, data=DOCUMENTS[format])
    def check(data: bytes) -> None:
        (tmp_path / "x").write_bytes(data)
        try:
            imported = import_graph(mapping)
        except IsthmusError:
            return
        account = next(a for a in imported.accounts if a.section.startswith("rdf"))
        assert account.rows == account.loaded + account.rejected
        rejected = [file for file in imported.rejects["file"].to_pylist() if file == "x"]
        assert len(rejected) == account.rejected


@pytest.mark.parametrize("suffix", [".nt", ".ttl", ".jsonld", ".rdf"])
def test_what_unpacks_without_end_ends(read, suffix, monkeypatch):
    monkeypatch.setattr(stream, "LONGEST", 1 << 20)
    monkeypatch.setattr(stream, "CHUNK", 1 << 18)
    packed = gzip.compress(bytes(1 << 25))
    assert len(packed) < 1 << 16
    format = {".nt": "ntriples", ".ttl": "turtle", ".jsonld": "jsonld", ".rdf": "rdfxml"}[suffix]
    found = read(packed, format, f"{suffix}.gz")
    if format == "ntriples":
        assert len(found[0]) == 0
        assert [line for line, _ in found[1]] == [1]
        assert len(found[1][0][1]) < 10_000  # a beginning is enough
    else:
        assert isinstance(found, str)


def test_a_huge_literal(read):
    """The parser takes no term of over 16 MiB; our own reader of plain lines does."""
    huge = b'<http://e/a> <http://e/p> "' + b"x" * 20_000_000
    assert len(read(huge + b'" .\n', "ntriples")[0]) == 1
    assert [line for line, _ in read(huge + b'\\n" .\n', "ntriples")[1]] == [1]
    for format in ("turtle", "trig"):
        assert "too long" in read(huge + b'" .\n', format)


def test_a_truncated_archive_is_an_error(tmp_path):
    data = gzip.compress(b"<http://e/a> <http://e/p> <http://e/b> .\n" * 10_000)
    (tmp_path / "x.nt.gz").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="cannot be read"):
        list(read_triples(SourceFile(tmp_path / "x.nt.gz", "x.nt.gz")))
