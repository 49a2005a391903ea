"""Documents made to take a parser down are refused with one line, and ordinary ones are not."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from kg.errors import InputError
from kg.rdf.guards import guarded
from kg.rdf.stream import read_triples
from kg.sources import SourceFile

XML = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://e/">'
    '<rdf:Description rdf:about="http://x/a"><e:p>%s</e:p></rdf:Description></rdf:RDF>'
)
LAUGHS = "".join(f'<!ENTITY {chr(98 + i)} "{("&" + chr(97 + i) + ";") * 10}">' for i in range(9))


@pytest.fixture
def read(tmp_path):
    def run(name, text):
        path = tmp_path / name
        path.write_text(text)
        batches = list(read_triples(SourceFile(path, name)))
        values = [value for batch in batches for value in batch.value.to_pylist()]
        return sum(map(len, batches)), values, [bad for b in batches for bad in b.malformed]

    return run


def nested_json(depth):
    return '{"@id":"http://a","http://p":' * depth + "1" + "}" * depth


def nested_xml(depth):
    inner = "<rdf:Description><e:p>" * depth + "x" + "</e:p></rdf:Description>" * depth
    return XML % inner


def nested_triples(depth):
    inner = "<<( <http://a> <http://p> " * depth + "<http://b>" + " )>>" * depth
    return f"<http://a> <http://p> {inner} ."


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("deep.jsonld", nested_json(100_000)),
        ("deep.jsonld", '{"@graph":' * 3_000 + "[]" + "}" * 3_000),
        ("deep.rdf", nested_xml(100_000)),
        ("deep.ttl", nested_triples(100_000)),
        ("deep.trig", nested_triples(100_000)),
    ],
)
def test_what_is_nested_without_end_is_refused(read, name, text):
    with pytest.raises(InputError, match=r"deep\.\w+ .*levels deep"):
        read(name, text)


def test_what_is_nested_as_people_do_is_read(read):
    assert read("deep.jsonld", nested_json(400))[0] == 400
    assert read("deep.rdf", nested_xml(400))[0] == 401
    # brackets in strings are no brackets, wherever a block of bytes ends
    text = '{"@id":"http://a","http://p":"' + '\\\\ \\" {[ ' * 20_000 + '"}'
    assert read("text.jsonld", text)[0] == 1
    assert read("text.ttl", '<http://a> <http://p> "' + "<< " * 5_000 + '" .')[0] == 1


@pytest.mark.parametrize("suffix", ["nt", "nq"])
def test_a_line_of_triples_in_triples_is_one_reject(read, suffix):
    good = "<http://a> <http://p> <http://b> .\n"
    num, _, malformed = read(f"deep.{suffix}", good + nested_triples(100_000) + "\n" + good)
    assert num == 2
    assert [(bad.line, bad.reason) for bad in malformed] == [
        (2, "malformed RDF: triples in triples, too deep")
    ]


def test_entities_that_multiply_are_refused(read):
    head = f'<?xml version="1.0"?><!DOCTYPE rdf:RDF [<!ENTITY a "aaaaaaaaaa">{LAUGHS}]>'
    with pytest.raises(InputError, match="amplification"):
        read("bomb.rdf", head + XML % "&j;")
    long = f'<?xml version="1.0"?><!DOCTYPE rdf:RDF [<!ENTITY a "{"x" * 100_000}">]>'
    with pytest.raises(InputError, match="amplification"):
        read("long.rdf", long + XML % ("&a;" * 10_000))


def test_entities_that_shorten_namespaces_are_read(read):
    head = '<?xml version="1.0"?><!DOCTYPE rdf:RDF [<!ENTITY e "http://e/"><!ENTITY f "&e;f">]>'
    assert read("names.owl", head + XML % "&f;")[1] == ["http://e/f"]


def test_entities_from_elsewhere_are_not_followed(read, tmp_path):
    (tmp_path / "secret").write_text("SECRET")
    for where in ((tmp_path / "secret").as_uri(), "http://localhost:9/x"):
        for declared in (f'[<!ENTITY x SYSTEM "{where}">]', f'SYSTEM "{where}"'):
            try:
                _, values, _ = read(
                    "outside.rdf",
                    f'<?xml version="1.0"?><!DOCTYPE rdf:RDF {declared}>{XML % "&x;"}',
                )
            except InputError as error:
                values = [str(error)]
            assert not any("SECRET" in value for value in values)


def test_a_context_from_elsewhere_is_not_fetched(read):
    with pytest.raises(InputError, match="remote contexts"):
        read("remote.jsonld", '{"@context":"http://localhost:9/c","a":1}')


def test_a_guard_hands_out_every_byte():
    data = bytes(range(256)) * 1_000
    stream = guarded(io.BytesIO(data), "turtle", "x")
    parts = iter(lambda: stream.read(777), b"")
    assert b"".join(parts) == data


def test_it_ends_in_an_error_not_in_a_crash(tmp_path):
    """In a process of its own, since what is tested would end this one."""
    path = tmp_path / "deep.jsonld"
    path.write_text(nested_json(20_000))
    code = (
        "import sys; from pathlib import Path; from kg.errors import InputError\n"
        "from kg.rdf.stream import read_triples; from kg.sources import SourceFile\n"
        "try: list(read_triples(SourceFile(Path(sys.argv[1]), 'x')))\n"
        "except InputError: sys.exit(3)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=Path(__file__).parents[3], timeout=60
    )
    assert done.returncode == 3
