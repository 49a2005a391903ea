import pytest

from kg.rdf import stream
from kg.rdf.stream import read_triples
from kg.rdf.terms import Terms
from kg.rdf.triples import Selection, TripleCollector

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


@pytest.fixture
def collect(tally, source):
    """Read files whole and return their links and literals as text."""

    def read(*contents, name="t.nt", **selected):
        terms, predicates = Terms(), {}
        files = []
        for i, content in enumerate(contents, 1):
            files.append(TripleCollector(Selection(**selected), terms, predicates, tally, i))
            files[-1].read(read_triples(source(f"{i}{name}", content)))
        numbers, names, iris = terms.numbers(), terms.names().to_pylist(), list(predicates)
        links, literals = [], []
        for file in files:
            found = file.links(numbers)
            columns = (found.subject, found.predicate, found.object, found.line)
            for s, p, o, line in zip(*(column.tolist() for column in columns), strict=True):
                links.append((names[s], iris[p], names[o], line))
            said = file.literals(numbers)
            for i, value in enumerate(said.value.to_pylist()):
                kind = said.kinds[said.kind[i]].language
                literals.append((names[said.subject[i]], iris[said.predicate[i]], value, kind))
        return links, literals

    return read


def rejects(tally):
    return [(r["line"], r["raw"], r["reason"]) for r in tally.log.table().to_pylist()]


@pytest.mark.parametrize("bad", BAD_LINES.values(), ids=BAD_LINES)
def test_a_malformed_line_is_rejected_and_no_other(collect, tally, bad):
    good = [b"<http://e/%d> <http://e/p> <http://e/o> ." % i for i in range(4)]
    data = b"\n".join([good[0], b"# comment", b"", bad, good[1], good[2] + b" # more", good[3]])

    links, _ = collect(data)

    assert [link[0] for link in links] == [f"http://e/{i}" for i in range(4)]
    assert [link[3] for link in links] == [1, 5, 6, 7]
    ((line, raw, reason),) = rejects(tally)
    assert line == 4
    assert raw == bad.decode("utf-8", "backslashreplace")
    assert reason.startswith("malformed RDF: ")
    assert tally.rows == 5


def test_a_triple_broken_over_two_lines_is_two_malformed_lines(collect, tally):
    data = b"<http://e/a> <http://e/p>\n<http://e/b> .\n<http://e/c> <http://e/p> <http://e/d> .\n"
    assert collect(data)[0] == [("http://e/c", "http://e/p", "http://e/d", 3)]
    assert [line for line, _, _ in rejects(tally)] == [1, 2]


def test_a_triple_as_a_term_is_rejected(collect, tally):
    data = "<http://e/a> <http://e/p> <<( <http://e/a> <http://e/p> <http://e/c> )>> .\n"
    assert collect(data)[0] == []
    assert [(line, reason) for line, _, reason in rejects(tally)] == [(1, "a triple as a term")]
    assert tally.rows == 1


TRIPLES = """\
<http://e/a> <http://e/p> <http://e/b> .
<http://e/a> <http://e/p> "literal" .
<http://e/a> <http://e/name> "Ä"@de .
<http://e/a> <http://e/q> <http://e/c> .
<http://e/a> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://e/C> .
"""


def test_what_is_not_selected_is_counted_as_ignored(collect, tally):
    links, literals = collect(
        TRIPLES,
        literals=frozenset(["http://e/name"]),
        relations=frozenset(["http://e/p"]),
    )
    assert [link[1].rpartition("/")[2] for link in links] == ["p", "22-rdf-syntax-ns#type"]
    assert literals == [("http://e/a", "http://e/name", "Ä", "de")]
    assert (tally.rows, tally.ignored, tally.loaded) == (5, 2, 2)
    assert len(collect(TRIPLES, ignore=frozenset(["http://e/p"]))[0]) == 2


def test_graphs_are_selected(collect, tally):
    data = (
        "<http://e/1> <http://e/p> <http://e/o> .\n"
        "<http://e/2> <http://e/p> <http://e/o> <http://e/g> .\n"
        "<http://e/3> <http://e/p> <http://e/o> <http://e/h> .\n"
    )

    def chosen(*graphs):
        links, _ = collect(data, name="t.nq", graphs=frozenset(graphs))
        return [link[0][-1] for link in links]

    assert chosen("http://e/g") == ["2"]
    assert chosen("", "http://e/h") == ["1", "3"]
    assert tally.ignored == 3


def test_blank_nodes_are_named_in_file_order_and_apart_between_files(collect, monkeypatch):
    monkeypatch.setattr(stream, "BATCH", 2)
    content = "@prefix e: <http://e/> . e:a e:p [ e:p [] ], _:z . _:z e:p e:a ."
    links, _ = collect(content, content, name="t.ttl")
    names = [[name for name in link[:3:2] if name.startswith("_")] for link in links]
    assert names[: len(names) // 2] == [["_:b1.1", "_:b1.2"], ["_:b1.1"], ["_:b1.3"], ["_:b1.3"]]
    assert {name for pair in names[4:] for name in pair} == {"_:b2.1", "_:b2.2", "_:b2.3"}


def test_numbers_do_not_depend_on_where_names_are_looked_up(collect, monkeypatch):
    data = "\n".join(f"<http://e/{i % 17}> <http://e/p> _:{i % 13} ." for i in range(200))
    whole = collect(data)
    monkeypatch.setattr("kg.rdf.terms.PENDING", 3)
    monkeypatch.setattr(stream, "CHUNK", 100)
    assert collect(data) == whole
    assert whole[0][:2] == [
        ("http://e/0", "http://e/p", "_:b1.0", 1),
        ("http://e/1", "http://e/p", "_:b1.1", 2),
    ]
