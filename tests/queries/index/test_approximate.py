from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from kg.errors import ConfigError
from queries.candidates import pair_scores, top_k
from queries.index.approximate import Approximate
from queries.index.kinds import cells_for
from queries.index.measured import recall_of


@pytest.fixture
def everything(vectors):
    return np.ones(len(vectors[0]), dtype=np.bool_)


def test_it_finds_nearly_all_of_the_best_and_scores_them_exactly(wide, vectors, everything):
    rows, bias, asked = vectors
    exact, _ = top_k(asked, rows, bias, np.arange(len(rows)), k=50)

    found, scores = wide.top_k(asked, rows, bias, everything, k=50)

    assert recall_of(found, exact) > 0.98
    expected = pair_scores(asked, rows, bias, np.arange(len(asked))[:, None], found)
    assert np.array_equal(scores, expected)
    assert (np.diff(scores, axis=1) <= 0).all()
    assert all(len(set(row)) == 50 for row in found.tolist())


def test_fewer_cells_find_less(cells, vectors, everything):
    rows, bias, asked = vectors
    exact, _ = top_k(asked, rows, bias, np.arange(len(rows)), k=50)
    found = [
        replace(cells, effort=effort).top_k(asked, rows, bias, everything, k=50)[0]
        for effort in (1, 8)
    ]
    assert recall_of(found[0], exact) < recall_of(found[1], exact)


def test_the_bias_counts(wide, vectors, everything):
    rows, bias, asked = vectors
    found, _ = wide.top_k(asked[:1], rows, bias, everything, k=20)
    without, _ = top_k(asked[:1], rows, np.zeros_like(bias), np.arange(len(rows)), k=20)
    assert recall_of(found, without) < 0.9


def test_rows_that_came_later_are_searched_too(wide, vectors, everything):
    rows, bias, asked = vectors
    later = rows.copy()
    later[11_500] = asked[3] * 10
    found, scores = wide.top_k(asked, later, bias, everything, k=5)
    assert found[3, 0] == 11_500
    assert scores[3, 0] == scores[3].max()


def test_what_is_seen_is_left_out(wide, vectors, everything):
    rows, bias, asked = vectors
    before, _ = wide.top_k(asked, rows, bias, everything, k=10)
    places = np.repeat(np.arange(len(asked)), 5), before[:, :5].ravel()
    seen = sparse.csr_array((np.ones(len(places[0])), places), shape=(len(asked), len(rows)))

    after, _ = wide.top_k(asked, rows, bias, everything, k=5, seen=seen)

    assert np.array_equal(after, before[:, 5:])


def test_what_is_not_allowed_is_left_out(wide, vectors, everything):
    rows, bias, asked = vectors
    allowed = everything.copy()
    allowed[::3] = False
    exact, _ = top_k(asked, rows, bias, np.flatnonzero(allowed), k=20)

    found, _ = wide.top_k(asked, rows, bias, allowed, k=20)

    assert allowed[found].all()
    assert recall_of(found, exact) > 0.98


@pytest.mark.parametrize("k", [30, 3_000])
def test_where_the_index_says_too_little_the_answer_is_exact(cells, vectors, everything, k):
    rows, bias, asked = vectors
    allowed = everything if k == 3_000 else np.arange(len(rows)) % 4 == 0
    exact = top_k(asked[:4], rows, bias, np.flatnonzero(allowed), k=k)

    found = cells.top_k(asked[:4], rows, bias, allowed, k=k)

    assert np.array_equal(found[0], exact[0])
    assert np.array_equal(found[1], exact[1])


def test_users_whom_the_cells_leave_short_are_answered_exactly(cells, vectors, everything):
    """One cell has fewer than 400 rows here: all the rest is filled from exact search."""
    rows, bias, asked = vectors
    exact, _ = top_k(asked, rows, bias, np.arange(len(rows)), k=400)
    found, _ = replace(cells, effort=1).top_k(asked, rows, bias, everything, k=400)
    assert (found >= 0).all()
    assert recall_of(found, exact) > 0.9


def test_one_seed_gives_one_index(vectors, cells):
    rows, bias, asked = vectors
    again = Approximate.build(rows, bias, np.arange(11_000), seed=0)
    assert np.array_equal(again.propose(asked, 10), cells.propose(asked, 10))


def test_it_is_read_as_it_was_written(cells, vectors, tmp_path):
    asked = vectors[2]
    cells.write(tmp_path / "0.faiss")
    read = Approximate.read(tmp_path / "0.faiss", cells.rows, cells.kind, cells.effort)
    assert np.array_equal(read.propose(asked, 10), cells.propose(asked, 10))


@pytest.mark.parametrize("kind", ["ivf-pq", "hnsw"])
def test_other_kinds_are_read_as_they_were_written(vectors, tmp_path, kind):
    rows, bias, asked = vectors
    index = Approximate.build(rows, bias, np.arange(2_000), seed=0, kind=kind)
    index.write(tmp_path / "0.faiss")
    read = Approximate.read(tmp_path / "0.faiss", index.rows, kind, index.effort)
    assert np.array_equal(read.propose(asked, 10), index.propose(asked, 10))


def test_an_unknown_kind_names_the_known_ones(vectors):
    with pytest.raises(ConfigError, match="ivf-sq8, ivf-pq, hnsw"):
        Approximate.build(*vectors[:2], np.arange(100), seed=0, kind="annoy")


def test_cells_have_enough_points():
    assert [cells_for(n) for n in (10, 6_400, 1_000_000)] == [1, 100, 4_000]


def test_without_faiss_it_says_what_to_install(vectors, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    with pytest.raises(ConfigError, match=r"isthmus\[faiss\]"):
        Approximate.build(*vectors[:2], np.arange(100), seed=0)


def test_one_who_has_seen_very_much_is_answered_exactly(wide, vectors, everything):
    rows, bias, asked = vectors
    before, _ = wide.top_k(asked, rows, bias, everything, k=300)
    seen = sparse.lil_array((len(asked), len(rows)), dtype=np.int8)
    seen[4, before[4]] = 1
    exact, _ = top_k(asked, rows, bias, np.arange(len(rows)), k=10, seen=seen.tocsr())

    found, _ = wide.top_k(asked, rows, bias, everything, k=10, seen=seen.tocsr())

    assert np.array_equal(found[4], exact[4])
    assert recall_of(found, exact) > 0.98
