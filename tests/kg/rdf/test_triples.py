import gzip

import pyoxigraph
import pytest

from kg.errors import InputError
from kg.rdf.triples import PARSERS, Terms, read_rdf
from kg.rejects import RejectLog, Tally
from kg.sources import SourceFile

LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
TURTLE = """\
@prefix ex: <http://e/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
ex:a ex:knows ex:b , [ ex:knows ex:a ] ;
    rdfs:label "Ä"@EN , "plain" ;
    ex:year 1937 .
"""
SUFFIXES = {
    "ntriples": ".nt",
    "nquads": ".nq",
    "turtle": ".ttl",
    "trig": ".trig",
    "rdfxml": ".rdf",
    "jsonld": ".jsonld",
}


def read(source, tally, **options):
    options = {"file_number": 1, "literals": frozenset([LABEL]), **options}
    terms = Terms()
    triples = read_rdf(source, terms, tally, **options)
    names = terms.names()
    columns = (triples.subject, triples.predicate, triples.object)
    edges = [tuple(names[code] for code in row) for row in zip(*columns, strict=True)]
    facts = triples.literals
    literals = sorted(zip(facts.value, facts.language, strict=True))
    return edges, literals, triples


def rejects(tally):
    return [(r["line"], r["raw"], r["reason"]) for r in tally.log.table().to_pylist()]


@pytest.mark.parametrize("kind", PARSERS)
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_every_serialisation_gives_the_same_triples(source, tally, kind, packed):
    quads = list(pyoxigraph.parse(TURTLE, pyoxigraph.RdfFormat.TURTLE))
    data = pyoxigraph.serialize((quad.triple for quad in quads), format=PARSERS[kind])
    name = f"t{SUFFIXES[kind]}{packed}"
    file = source(name, data)  # the fixture packs what is called .gz

    edges, literals, triples = read(file, tally)

    assert sorted(edges) == [
        ("_:b1.1", "http://e/knows", "http://e/a"),
        ("http://e/a", "http://e/knows", "_:b1.1"),
        ("http://e/a", "http://e/knows", "http://e/b"),
    ]
    assert literals == [("plain", ""), ("Ä", "en")]
    assert (tally.rows, tally.ignored, tally.loaded) == (6, 1, 1)  # ex:year is not asked for
    assert (triples.line > 0).all() == (kind in ("ntriples", "nquads"))


BAD_LINES = {
    "no-iri": b"<bad> <http://e/p> <http://e/c> .",
    "unclosed-literal": b'<http://e/a> <http://e/p> "open .',
    "no-dot": b"<http://e/a> <http://e/p> <http://e/c>",
    "words": b"this is no triple",
    "two-terms": b"<http://e/a> <http://e/p> .",
    "literal-subject": b'"x" <http://e/p> <http://e/c> .',
    "bad-utf8": b'<http://e/a> <http://e/p> "\xff\xfe" .',
    "space-in-iri": b"<http://e/a b> <http://e/p> <http://e/c> .",
    "two-triples": b"<http://e/a> <http://e/p> <http://e/c> . <http://e/a> <http://e/p> _:x .",
    "turtle": b"@prefix ex: <http://e/> .",
}


@pytest.mark.parametrize("bad", BAD_LINES.values(), ids=BAD_LINES)
def test_a_malformed_line_is_rejected_and_no_other(source, tally, bad):
    good = [b"<http://e/%d> <http://e/p> <http://e/o> ." % i for i in range(4)]
    data = b"\n".join([good[0], b"# comment", b"", bad, good[1], good[2] + b" # more", good[3]])

    edges, _, triples = read(source("t.nt", data), tally)

    assert [edge[0] for edge in edges] == [f"http://e/{i}" for i in range(4)]
    assert triples.line.tolist() == [1, 5, 6, 7]
    ((line, raw, reason),) = rejects(tally)
    assert line == 4
    assert raw == bad.decode("utf-8", "backslashreplace")
    assert reason.startswith("malformed RDF: ")
    assert tally.rows == 5


def test_a_triple_broken_over_two_lines_is_two_malformed_lines(source, tally):
    data = b"<http://e/a> <http://e/p>\n<http://e/b> .\n<http://e/c> <http://e/p> <http://e/d> .\n"
    edges, _, triples = read(source("t.nt", data), tally)
    assert edges == [("http://e/c", "http://e/p", "http://e/d")]
    assert [line for line, _, _ in rejects(tally)] == [1, 2]
    assert triples.line.tolist() == [3]


def test_lines_are_counted_across_chunks(source, tally, monkeypatch):
    monkeypatch.setattr("kg.rdf.triples.CHUNK", 64)
    good = b"<http://e/a> <http://e/p> <http://e/o> .\n"
    data = good * 5 + b"\n" + good * 5 + b"bad\n" + good * 5
    _, _, triples = read(source("t.nt", data.rstrip(b"\n")), tally)
    assert triples.line.tolist() == [*range(1, 6), *range(7, 12), *range(13, 18)]
    assert [line for line, _, _ in rejects(tally)] == [12]


def test_a_triple_as_a_term_is_rejected(source, tally):
    data = "<http://e/a> <http://e/p> <<( <http://e/a> <http://e/p> <http://e/c> )>> .\n"
    edges, _, _ = read(source("t.nt", data), tally)
    assert edges == []
    assert [(line, reason) for line, _, reason in rejects(tally)] == [(1, "a triple as a term")]
    assert tally.rows == 1


def test_blank_nodes_are_named_in_file_order_and_apart_between_files(source, tally):
    file = source("t.ttl", "@prefix e: <http://e/> . e:a e:p [ e:p [] ], _:z . _:z e:p e:a .")
    first, again = read(file, tally)[0], read(file, tally)[0]
    assert first == again  # though the parser makes labels up anew
    other = read(file, tally, file_number=2)[0]
    assert {name for edge in first for name in edge if name.startswith("_")} == {
        "_:b1.1",
        "_:b1.2",
        "_:b1.3",
    }
    assert other != first


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
def test_a_syntax_error_in_other_formats_names_file_and_line(source, tally, name, content, message):
    with pytest.raises(InputError, match=message) as error:
        read(source(name, content), tally)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["t.nt.gz", "t.ttl.gz"])
def test_a_truncated_file_is_an_error_not_fewer_triples(tmp_path, tally, name):
    lines = [b"<http://e/%d> <http://e/p> <http://e/%d> ." % (i, i * i) for i in range(9999)]
    data = gzip.compress(b"\n".join(lines))
    path = tmp_path / name
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="cannot be read"):
        read(SourceFile(path, name), tally)


def test_relative_iris_need_a_base(source):
    tally = Tally("t", "", RejectLog())
    edges, _, _ = read(source("t.ttl", "<a> <b> <c> ."), tally, base="http://e/")
    assert edges == [("http://e/a", "http://e/b", "http://e/c")]
