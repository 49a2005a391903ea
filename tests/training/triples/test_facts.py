import numpy as np
import pytest

from kg.errors import InputError
from kg.store import save_graph
from training.triples.facts import Triples, read_triples, slices, split_triples, triples_of

NT = """\
<http://x.org/r/Ann> <http://x.org/o/plays> <http://x.org/r/Lute> .
<http://x.org/r/Ann> <http://x.org/o/born> <http://x.org/r/Rome> .
<http://x.org/r/Ann> <http://x.org/o/age> "30" .
<http://x.org/r/Bob> <http://x.org/o/plays> <http://x.org/r/Lute> .
<http://x.org/r/Bob> <http://x.org/o/plays> <http://x.org/r/Lute> .
this is no triple
"""


def _said(triples: Triples) -> set[tuple[str, str, str]]:
    return {
        (triples.entities[h], triples.relations[r], triples.entities[t])
        for h, r, t in triples.rows.tolist()
    }


def test_rdf_is_read_without_a_mapping(tmp_path):
    (tmp_path / "people.nt").write_text(NT)

    triples = read_triples(tmp_path / "people.nt")

    iri = "http://x.org/r/"
    assert _said(triples) == {
        (f"{iri}Ann", "plays", f"{iri}Lute"),
        (f"{iri}Ann", "born", f"{iri}Rome"),
        (f"{iri}Bob", "plays", f"{iri}Lute"),
    }
    assert triples.left_out == {"literals": 1, "malformed": 1, "repeated": 1}


def test_the_order_of_the_input_changes_nothing(tmp_path):
    lines = NT.splitlines()
    for name, text in (("a.nt", lines), ("b.nt", lines[::-1])):
        (tmp_path / name).write_text("\n".join(text))

    first, second = (read_triples(tmp_path / name) for name in ("a.nt", "b.nt"))

    assert first.entities == second.entities
    np.testing.assert_array_equal(first.rows, second.rows)


@pytest.fixture
def graph(make_graph):
    return make_graph(
        [("u", "a"), ("u", "b")],
        {"a": "books", "b": "books", "alone": "books"},
        entities={"person": ["p", "a"]},
        relations={
            ("item", "by", "person"): [("a", "p"), ("b", "a")],
            ("person", "by", "person"): [("a", "p")],
        },
    )


def test_of_a_graph_everything_counts_but_interactions(graph, tmp_path):
    save_graph(graph, tmp_path / "graph")

    for triples in (triples_of(graph), read_triples(tmp_path / "graph")):
        assert _said(triples) == {
            ("item:a", "by", "person:p"),
            ("item:b", "by", "person:a"),
            ("person:a", "by", "person:p"),
        }
        assert triples.left_out == {"interactions": 2}


def test_a_file_without_triples_is_refused(tmp_path):
    (tmp_path / "none.nt").write_text('<http://x.org/a> <http://x.org/b> "c" .\n')

    with pytest.raises(InputError, match="no triples"):
        read_triples(tmp_path / "none.nt")


def _triples(number: int) -> Triples:
    rows = np.stack([np.arange(number), np.zeros(number), np.arange(number) + 1], axis=1)
    names = tuple(f"{i:04}" for i in range(number + 1))
    return Triples(entities=names, relations=("r",), rows=rows.astype(np.int64), left_out={})


def test_the_parts_of_a_split_are_all_triples_and_depend_on_the_seed_alone():
    triples = _triples(200)
    splits = []
    for seed in (1, 1, 2):
        np.random.default_rng()  # another generator changes nothing
        split = split_triples(triples, test=0.1, valid=0.05, rng=np.random.default_rng(seed))
        splits.append(split)

    parts = (splits[0].train, splits[0].valid, splits[0].test)
    assert [len(part) for part in parts] == [170, 10, 20]
    np.testing.assert_array_equal(np.unique(np.concatenate(parts), axis=0), triples.rows)
    np.testing.assert_array_equal(splits[0].test, splits[1].test)
    assert not np.array_equal(splits[0].test, splits[2].test)


def test_too_few_triples_are_refused():
    with pytest.raises(InputError, match="too few"):
        split_triples(_triples(4), rng=np.random.default_rng(0))


def test_slices_say_what_training_knows_of_the_ends():
    train = np.array([[0, 0, 1], [2, 1, 3]])
    asked = np.array([[0, 1, 1], [1, 0, 0], [0, 0, 2], [4, 0, 0]])

    masks = slices(asked, train)

    assert masks["linked"].tolist() == [True, True, False, False]
    assert masks["unlinked"].tolist() == [False, False, True, False]
    assert masks["unseen"].tolist() == [False, False, False, True]
