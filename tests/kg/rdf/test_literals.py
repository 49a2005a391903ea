import numpy as np
import pyarrow as pa
import pytest

from kg.errors import InputError
from kg.rdf import literals as module
from kg.rdf.batch import Kind
from kg.rdf.literals import said
from kg.rdf.triples import LiteralRows

A, B = 1, 2  # predicates


def spoken(rows, language=("en", "")):
    subject, predicate, value, tag = zip(*rows, strict=True)
    tags = sorted(set(tag))
    part = LiteralRows(
        np.array(subject),
        np.array(predicate, dtype=np.int32),
        pa.chunked_array([list(value)], pa.string()),
        np.array([tags.index(t) for t in tag], dtype=np.int32),
        tuple(Kind("", t) for t in tags),
        np.arange(len(rows)),
    )
    return said([part], language)


def text(facts):
    return dict(zip(facts[0].tolist(), facts[1].to_pylist(), strict=True))


ROWS = [
    (5, A, "roman", "fr"),
    (5, A, " novel ", "en-gb"),
    (5, A, "novel", "en"),
    (5, A, "plain", ""),
    (3, A, " ", "en"),
    (3, A, "buch", "de"),
    (3, A, "libro", "es"),
    (5, B, "more", "fr"),
    (5, B, "novel", "fr"),
    (4, B, "only", ""),
]


def test_the_best_language_counts():
    assert text(spoken(ROWS).first(A)) == {5: "novel", 3: "buch"}
    assert text(spoken(ROWS, ["es", "fr"]).first(A)) == {5: "roman", 3: "libro"}
    assert text(spoken(ROWS).first(9)) == {}


def test_texts_are_joined_in_the_order_of_predicates_and_said_once():
    assert text(spoken(ROWS).joined([A, B])) == {5: "novel. more", 3: "buch", 4: "only"}
    assert text(spoken(ROWS).joined([B, A])) == {5: "more. novel", 3: "buch", 4: "only"}
    assert text(spoken(ROWS).joined([9])) == {}


@pytest.mark.parametrize("seed", range(5))
def test_as_one_by_one(seed):
    rng = np.random.default_rng(seed)
    tags = np.array(["en", "", "fr", "de", "en-us"])
    rows = [
        (int(s), int(p), "vwxyz "[v], str(tags[t]))
        for s, p, v, t in rng.integers(0, [4, 3, 6, 5], (60, 4))
    ]
    expected = {}
    for subject in range(4):
        texts = []
        for predicate in (2, 0):
            mine = [
                (value.strip(), tag) for s, p, value, tag in rows if (s, p) == (subject, predicate)
            ]
            mine = [(value, rank(tag)) for value, tag in mine if value]
            best = min((r for _, r in mine), default=None)
            texts += [value for value, r in mine if r == best]
        if texts:
            expected[subject] = ". ".join(dict.fromkeys(texts))
    assert text(spoken(rows).joined([2, 0])) == expected


def rank(tag):
    return 0 if tag.startswith("en") else 1 if not tag else 2 + ["de", "fr"].index(tag)


def test_more_text_than_a_column_holds_is_refused_with_advice(monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 4)
    with pytest.raises(InputError, match="are 5 bytes long, and can be 4: name fewer predicates"):
        spoken([(0, A, "five!", "en")])
