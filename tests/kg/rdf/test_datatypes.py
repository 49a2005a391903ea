import numpy as np
import pyarrow as pa
import pytest

from kg.rdf.batch import RDF, Kind
from kg.rdf.datatypes import XSD, literal_type, misfits
from kg.rdf.triples import LiteralRows


def literals(*rows):
    datatypes = sorted({datatype for _, datatype in rows})
    kind = np.array([datatypes.index(datatype) for _, datatype in rows], dtype=np.int32)
    predicate = np.zeros(len(rows), dtype=np.int32)
    values = pa.chunked_array([[value for value, _ in rows]], pa.string())
    kinds = tuple(Kind(datatype, "") for datatype in datatypes)
    return LiteralRows(predicate, predicate, values, kind, kinds, np.arange(len(rows)))


@pytest.mark.parametrize(
    ("datatypes", "expected"),
    [
        (["integer", "gYear", "double"], "number"),
        (["string", "date"], "text"),
        (["boolean"], "text"),
        (["integer", "string"], None),
        (["integer", "http://dbpedia.org/datatype/kilogram"], None),
        ([], None),
    ],
)
def test_datatypes_decide(datatypes, expected):
    named = [name if ":" in name else XSD + name for name in datatypes]
    assert literal_type([literals(*(("1", name) for name in named))], 0) == expected
    assert literal_type([literals(("1", f"{RDF}langString"))], 0) == "text"
    assert literal_type([literals(("1", f"{RDF}langString"))], 5) is None


def test_what_does_not_fit():
    numbers = ["1", " +1.5e3 ", "x", "INF", ""]
    wrong = misfits(literals(*((value, "") for value in numbers)), {0: "number"})
    assert wrong["is not a finite number"].tolist() == [False, False, True, True, True]
    dates = ["1937", "1937-05", "1937-05-21", "1937-05-21+02:00", "1937-05-21T10:00:00Z", "-0044"]
    dates += ["May 1937", "37", "--05-21", "1937-5-1"]
    wrong = misfits(literals(*((value, "") for value in dates)), {0: "date"})
    assert wrong["is not an ISO date"].tolist() == [False] * 6 + [True] * 4
    assert not any(mask.any() for mask in misfits(literals(("x", "")), {0: "text"}).values())
