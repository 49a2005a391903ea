"""TriX and HexTuples become the triples that other serialisations of the same graph are."""

from pathlib import Path

import pytest
import rdflib

from kg.errors import InputError
from kg.rdf.stream import read_triples
from kg.sources import SourceFile

TRIG = """
@prefix ex: <http://e/> .
ex:a ex:knows ex:b ; ex:year "01937"^^<http://www.w3.org/2001/XMLSchema#integer> .
ex:g { ex:a ex:label "a \\"line\\"\\n\\\\"@en . _:x ex:knows ex:a }
"""


@pytest.fixture
def read(tmp_path):
    def run(name, data):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        batches = list(read_triples(SourceFile(Path(path), name)))
        found = [
            (line, "" if graph < 0 else batch.terms[graph].as_py())
            for batch in batches
            for line, graph in zip(batch.ntriples().to_pylist(), batch.graph.tolist(), strict=True)
        ]
        return sorted(found), [bad for batch in batches for bad in batch.malformed]

    return run


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # rdflib's serialisers, of rdflib
@pytest.mark.parametrize(("name", "format"), [("a.trix", "trix"), ("a.hext", "hext")])
def test_the_same_triples_as_in_trig(read, name, format, monkeypatch):
    monkeypatch.setattr(rdflib, "NORMALIZE_LITERALS", False)
    dataset = rdflib.Dataset()
    dataset.parse(data=TRIG, format="trig")
    data = dataset.serialize(format=format, encoding="utf-8")
    assert read(name, data) == read("a.trig", TRIG)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.trix", "<TriX"),
        ("a.trix", "<html/>"),
        ("a.hext", "[1]"),
        ("a.hext", "{}"),
        ("a.hext", b"\xff"),
        ("a.hext", '["http://e/a", "http://e/p", 7, "globalId", "", ""]'),
    ],
)
def test_what_is_no_such_document_is_refused_in_one_line(read, name, data):
    with pytest.raises(InputError) as caught:
        read(name, data)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_iri_is_malformed(read):
    row = '["http://e/a b", "http://e/p", "x", "http://www.w3.org/2001/XMLSchema#string", "", ""]'
    triples, malformed = read("a.hext", row)
    assert triples == []
    assert len(malformed) == 1


def test_entities_are_bounded_and_not_followed(read, tmp_path):
    (tmp_path / "secret").write_text("secret")
    kinds = {
        "outside": f'<!ENTITY e SYSTEM "{tmp_path}/secret">',
        "bomb": '<!ENTITY a "ha">'
        + "".join(f'<!ENTITY {chr(98 + i)} "{("&" + chr(97 + i) + ";") * 10}">' for i in range(9)),
    }
    for name, entity in kinds.items():
        used = "&e;" if name == "outside" else "&j;"
        text = (
            f'<!DOCTYPE TriX [{entity}]><TriX xmlns="http://www.w3.org/2004/03/trix/trix-1/"><graph>'
            "<triple><uri>http://e/a</uri><uri>http://e/p</uri>"
            f"<plainLiteral>{used}</plainLiteral></triple></graph></TriX>"
        )
        try:
            triples, _ = read(f"{name}.trix", text)
        except InputError:
            continue
        assert "secret" not in str(triples)
        assert name != "bomb"
