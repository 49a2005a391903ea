import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.linking.candidates import Candidates, equal_pairs
from kg.linking.choose import (
    AMBIGUOUS,
    LINKED,
    LISTED,
    TAKEN,
    Chosen,
    one_to_one,
    unequivocal,
)

quick = settings(deadline=None, max_examples=25)

links = st.lists(
    st.tuples(
        st.integers(0, 6), st.integers(0, 6), st.sampled_from([0.5, 0.9, 1.0]), st.integers(0, 2)
    ),
    max_size=25,
    unique_by=lambda link: link[:2],
)


def chosen(rows):
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    source, target, confidence, method = columns
    return Chosen(
        source=np.array(source, dtype=np.int64),
        target=np.array(target, dtype=np.int64),
        confidence=np.array(confidence, dtype=np.float64),
        method=np.array(method, dtype=np.int64),
        status=np.full(len(rows), LINKED),
    )


def candidates(*rows):
    source, target, confidence = zip(*rows, strict=True)
    return Candidates.of(np.array(source), np.array(target), np.array(confidence))


@quick
@given(links)
def test_one_to_one_is_injective(rows):
    found = one_to_one(chosen(rows), itself=False)
    linked = found.status == LINKED
    assert len(np.unique(found.source[linked])) == linked.sum()
    assert len(np.unique(found.target[linked])) == linked.sum()


@quick
@given(links)
def test_one_to_one_of_a_side_with_itself_uses_a_node_once(rows):
    rows = [row for row in rows if row[0] < row[1]]
    found = one_to_one(chosen(rows), itself=True)
    linked = found.status == LINKED
    ends = np.concatenate([found.source[linked], found.target[linked]])
    assert len(np.unique(ends)) == len(ends)


@quick
@given(links, st.randoms(use_true_random=False))
def test_the_order_of_links_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    statuses = []
    for order in (rows, shuffled):
        found = one_to_one(chosen(order), itself=False)
        statuses.append(
            dict(zip(zip(found.source, found.target, strict=True), found.status, strict=True))
        )
    assert statuses[0] == statuses[1]


@quick
@given(links)
def test_what_is_called_taken_was_taken(rows):
    found = one_to_one(chosen(rows), itself=False)
    linked = found.status == LINKED
    for i in np.flatnonzero(found.status == TAKEN):
        assert found.target[i] in found.target[linked] or found.source[i] in found.source[linked]


def test_the_surer_of_two_sources_gets_the_target():
    found = one_to_one(chosen([(0, 0, 0.9, 0), (1, 0, 1.0, 0)]), itself=False)
    assert found.status.tolist() == [TAKEN, LINKED]


def test_an_earlier_method_wins():
    found = one_to_one(chosen([(0, 0, 0.5, 0), (1, 0, 1.0, 1)]), itself=False)
    assert found.status.tolist() == [LINKED, TAKEN]


def test_equals_are_ambiguous():
    found = one_to_one(chosen([(0, 0, 1.0, 0), (1, 0, 1.0, 0), (2, 1, 1.0, 0)]), itself=False)
    assert found.status.tolist() == [AMBIGUOUS, AMBIGUOUS, LINKED]


def test_several_best_are_ambiguous_and_lesser_ones_do_not_count():
    pairs = candidates((0, 0, 1.0), (0, 1, 0.9), (1, 0, 0.8), (1, 2, 0.8), (1, 3, 0.7))
    sure, unsure = unequivocal(pairs, 0.0)
    assert (sure.source.tolist(), sure.target.tolist()) == ([0], [0])
    assert (unsure.source.tolist(), unsure.target.tolist()) == ([1, 1], [0, 2])


def test_a_second_within_the_margin_is_as_good():
    sure, unsure = unequivocal(candidates((0, 0, 0.95), (0, 1, 0.93)), 0.03)
    assert len(sure.source) == 0
    assert unsure.target.tolist() == [0, 1]


def test_long_lists_are_cut():
    _, unsure = unequivocal(candidates(*((0, j, 1.0) for j in range(LISTED + 5))), 0.0)
    assert unsure.target.tolist() == list(range(LISTED))


@quick
@given(
    st.lists(st.sampled_from([None, "a", "b", "c"]), max_size=10),
    st.lists(st.sampled_from([None, "a", "b", "c"]), max_size=10),
)
def test_equal_pairs_are_those_of_two_loops(left, right):
    i, j = equal_pairs(pa.array(left, pa.string()), pa.array(right, pa.string()), 100)
    expected = {
        (a, b)
        for a, one in enumerate(left)
        for b, other in enumerate(right)
        if one is not None and one == other
    }
    assert len(i) == len(expected)
    assert set(zip(i.tolist(), j.tolist(), strict=True)) == expected
