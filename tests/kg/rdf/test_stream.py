import bz2
import gzip
import io
import lzma
from pathlib import Path

import pyoxigraph
import pytest

from kg.errors import InputError
from kg.rdf import stream as module
from kg.rdf.batch import Kind
from kg.rdf.stream import FORMATS, PARSERS, read_triples
from kg.sources import SourceFile

LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
XSD = "http://www.w3.org/2001/XMLSchema#"
TURTLE = """\
@prefix ex: <http://e/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
ex:a ex:knows ex:b , [ ex:knows ex:a ] ;
    rdfs:label "Ä"@EN , "a \\"line\\"\\n" ;
    ex:year 1937 .
"""
SUFFIXES = {kind: suffix for suffix, kind in reversed(FORMATS.items())}


def triples(batches):
    """Return all triples as text, and the line of each."""
    found = []
    for batch in batches:
        found += zip(batch.line.tolist(), batch.ntriples().to_pylist(), strict=True)
    return found


def malformed(source, **options):
    return [bad for batch in read_triples(source, **options) for bad in batch.malformed]


@pytest.mark.parametrize("kind", PARSERS)
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_every_serialisation_gives_the_same_triples(source, kind, packed):
    quads = list(pyoxigraph.parse(TURTLE, pyoxigraph.RdfFormat.TURTLE))
    data = pyoxigraph.serialize((quad.triple for quad in quads), format=PARSERS[kind])
    (batch,) = read_triples(source(f"t{SUFFIXES[kind]}{packed}", data))

    names = batch.terms.to_pylist()
    columns = (batch.subject, batch.predicate, batch.object)
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    (blank,) = [name for name in names if name.startswith("_:")]
    assert sorted((names[s], names[o]) for s, _, o in rows if o >= 0) == sorted(
        [("http://e/a", "http://e/b"), ("http://e/a", blank), (blank, "http://e/a")]
    )
    literals = zip(batch.value.to_pylist(), batch.kind.tolist(), strict=True)
    assert sorted((value, batch.kinds[code]) for value, code in literals) == [
        ("1937", Kind(f"{XSD}integer", "")),
        ('a "line"\n', Kind(f"{XSD}string", "")),
        ("Ä", Kind("http://www.w3.org/1999/02/22-rdf-syntax-ns#langString", "en")),
    ]
    assert (batch.line > 0).all() == (kind in ("ntriples", "nquads"))
    assert (batch.graph == -1).all()


@pytest.mark.parametrize(("suffix", "pack"), [(".bz2", bz2.compress), (".xz", lzma.compress)])
def test_other_compressions(source, suffix, pack):
    data = pack(b"<http://e/a> <http://e/p> <http://e/o> .")
    assert len(triples(read_triples(source(f"t.nt{suffix}", data)))) == 1


def test_graphs(source):
    data = "<http://e/g> { <http://e/a> <http://e/p> <http://e/o> } <http://e/a> <http://e/p> 1 ."
    (batch,) = read_triples(source("t.trig", data))
    assert [batch.terms[g].as_py() if g >= 0 else "" for g in batch.graph.tolist()] == [
        "http://e/g",
        "",
    ]


def numbered(count):
    return [b"<http://e/%d> <http://e/p> <http://e/o> ." % i for i in range(count)]


def test_lines_are_counted_across_chunks(source, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 64)
    lines = [*numbered(5), b"", *numbered(5), b"bad", *numbered(5)]
    file = source("t.nt", b"\n".join(lines))
    found = triples(read_triples(file))
    assert [line for line, _ in found] == [*range(1, 6), *range(7, 12), *range(13, 18)]
    assert [text for _, text in found] == [line.decode() for line in lines if len(line) > 3]
    assert [bad[:2] for bad in malformed(file)] == [(12, "bad")]


@pytest.mark.parametrize("place", [0, 3, 6])
def test_a_line_without_end_costs_that_line(source, monkeypatch, place):
    monkeypatch.setattr(module, "CHUNK", 64)
    monkeypatch.setattr(module, "LONGEST", 200)
    lines = numbered(6)
    lines.insert(place, b'<http://e/x> <http://e/p> "' + b"x" * 1000 + b'" .')
    file = source("t.nt", b"\n".join(lines))
    assert [line for line, _ in triples(read_triples(file))] == [
        i + 1 for i in range(7) if i != place
    ]
    ((line, raw, reason),) = malformed(file)
    assert line == place + 1
    assert raw.startswith('<http://e/x> <http://e/p> "xxx')
    assert reason == "malformed RDF: longer than 200 bytes"


@pytest.mark.parametrize("name", ["t.nt", "t.nq", "t.ttl", "t.n3", "t.rdf"])
def test_a_byte_order_mark_is_no_error(source, name):
    quads = pyoxigraph.parse(TURTLE, pyoxigraph.RdfFormat.TURTLE)
    kind = PARSERS[FORMATS[Path(name).suffix]]
    data = b"\xef\xbb\xbf" + pyoxigraph.serialize((quad.triple for quad in quads), format=kind)
    assert len(triples(read_triples(source(name, data)))) == 6
    assert not malformed(source(name, data))


def test_standard_input(monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(b"<http://e/a> <http://e/p> <http://e/o> ."))
    monkeypatch.setattr("sys.stdin", stdin)
    assert len(triples(read_triples(SourceFile(Path("-"), "-"), format="ntriples"))) == 1
    with pytest.raises(InputError, match="set format to one of ntriples"):
        list(read_triples(SourceFile(Path("-"), "-")))


def test_blank_nodes_have_the_same_labels_whenever_a_file_is_read(source, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 2)
    data = "@prefix e: <http://e/> . e:a e:p [ e:p [] ], _:z . _:z e:p e:a ."
    file = source("t.ttl", data)
    first, again = (triples(read_triples(file)) for _ in range(2))
    assert first == again
    assert len({name for _, text in first for name in text.split() if name[0] == "_"}) == 3


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "t.ttl",
            "@prefix e: <http://e/> .\ne:a e:b e:c .\ne:a e:b ; .\ne:c\n",
            r"t\.ttl, line 3: ; is not",
        ),
        ("t.ttl", "<a> <b> <c> .", r"t\.ttl, line 1: No scheme"),
        ("t.jsonld", '{"@id":\n', r"t\.jsonld, line 2: "),
        ("t.jsonld", '{"@context": "http://e/", "@id": "http://e/a"}', r"t\.jsonld"),
        ("t.rdf", "<a>\n</b>", r"t\.rdf: "),
        ("t.n3x", "", r"t\.n3x has no known RDF format .*\.ttl"),
    ],
)
def test_a_syntax_error_in_other_formats_names_file_and_line(source, name, content, message):
    with pytest.raises(InputError, match=message) as error:
        list(read_triples(source(name, content)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["t.nt.gz", "t.ttl.gz"])
def test_a_truncated_file_is_an_error_not_fewer_triples(tmp_path, name):
    lines = [b"<http://e/%d> <http://e/p> <http://e/%d> ." % (i, i * i) for i in range(9999)]
    data = gzip.compress(b"\n".join(lines))
    path = tmp_path / name
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="cannot be read"):
        list(read_triples(SourceFile(path, name)))


def test_relative_iris_need_a_base(source):
    file = source("t.ttl", "<a> <b> <c> .")
    assert [text for _, text in triples(read_triples(file, base="http://e/"))] == [
        "<http://e/a> <http://e/b> <http://e/c> ."
    ]


def test_a_reader_may_stop_early(source, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 64)
    stream = read_triples(source("t.nt", b"\n".join(numbered(100))))
    assert len(next(stream)) > 0
    stream.close()
